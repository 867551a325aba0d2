#!/usr/bin/env bash
# Get Azurite, Azure's object store as far as it runs here (tests/wire/azurite.py), into .cache/azurite. `make
# tools` does so where there is Node 20 with npm; it brings 370 packages.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v npm >/dev/null || { echo "Azurite needs Node 20 with npm: https://nodejs.org" >&2; exit 1; }
[ -x .cache/azurite/node_modules/.bin/azurite-blob ] && exit 0
mkdir -p .cache/azurite
npm install --prefix .cache/azurite --no-audit --no-fund --no-save --loglevel=error azurite@3.35.0
