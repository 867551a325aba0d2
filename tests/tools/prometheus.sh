#!/usr/bin/env bash
# Get Prometheus and promtool into .cache/bin: those of this machine or, on Debian, of its package. That is unpacked and
# not installed: an installed one would start a service.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=.cache/bin
[ -x $bin/prometheus ] && [ -x $bin/promtool ] && exit 0
mkdir -p $bin
if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
  ln -sf "$(command -v prometheus)" "$(command -v promtool)" $bin/
  exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
  echo "the tests of alerts and dashboard need Prometheus: install prometheus and promtool, or put them into $bin" >&2
  exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get download -qq prometheus 2>/dev/null || { [ "$(id -u)" = 0 ] && apt-get update -qq && apt-get download -qq prometheus; })
dpkg-deb --extract "$folder"/prometheus_*.deb "$folder"
install -m 755 "$folder"/usr/bin/prometheus "$folder"/usr/bin/promtool $bin/
