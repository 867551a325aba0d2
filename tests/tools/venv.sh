#!/usr/bin/env bash
# Make the virtual environment $1 with $PYTHON; on Debian as root, install the venv module where it is missing.
set -euo pipefail
if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
  else
    echo "Python's venv module is missing: install python3-venv, then try again" >&2
    exit 1
  fi
fi
"$PYTHON" -m venv "$1"
