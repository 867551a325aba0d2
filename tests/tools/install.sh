#!/usr/bin/env bash
# Install what the tests need beside Python, where that is possible (Debian, root); otherwise name what is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
command -v java >/dev/null && java -version 2>&1 | head -1 | grep -qE '"(1[7-9]|[2-9][0-9])' || missing+=(openjdk-17-jdk-headless)
command -v javac >/dev/null || missing+=(openjdk-17-jdk-headless)  # for the producer in Java
command -v mvn >/dev/null || missing+=(maven)
command -v cc >/dev/null || missing+=(gcc libc6-dev)  # for the clock that jumps
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
  || missing+=(chromium)
command -v strace >/dev/null || missing+=(strace)
command -v unshare >/dev/null || missing+=(util-linux)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing: ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "the tests need these tools, which can't be installed here without root on Debian: ${missing[*]}" >&2
    exit 1
  fi
fi
.venv/bin/python -m tests.kafka.fetch
bash tests/tools/helm.sh
bash tests/tools/prometheus.sh
# Azure's store is optional: without Node 20 its tests are skipped, and say so.
if command -v npm >/dev/null && node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
  bash tests/tools/azurite.sh || echo "Azurite can't be had; the tests of Azure's store will be skipped" >&2
fi
