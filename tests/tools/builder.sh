#!/usr/bin/env bash
# Install what builds and runs images in the tests, where that is possible (Debian, root); otherwise name what is missing.
set -euo pipefail
missing=()
for tool in buildah runc debootstrap; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing: ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "the tests of the image need these tools, which can't be installed here without root on Debian: ${missing[*]}" >&2
    exit 1
  fi
fi
