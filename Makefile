# Two commands do everything on a fresh machine: make demo, make test.
SHELL := /bin/bash
PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
export PYANNOTE_METRICS_ENABLED := 0
export HF_HUB_OFFLINE := 1
export ORT_DISABLE_TELEMETRY := 1

.PHONY: help env tools demo test lint faults faults-short fuzz mutants bench soak chart image image-test sbom audit \
  lock lock-cpu clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

env: $(VENV)/.ready ## .venv with the locked environment and the clipveil command

$(VENV)/.ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "clipveil needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || PYTHON=$(PYTHON) bash tests/tools/venv.sh $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: env ## de-identify real clips on the embedded broker; writes out/demo/index.html
	$(BIN)/clipveil demo --out out/demo

tools: env ## what the tests need beside Python: Java 17, Maven, a C compiler, Apache Kafka, Helm, kube-linter, Prometheus, Chromium, strace
	bash tests/tools/install.sh

test: lint tools ## everything, on the embedded broker and on a real Apache Kafka
	$(BIN)/python -m pytest

faults-short: tools ## the service under fire, a few minutes: 20,000 events while workers, brokers and networks fail (part of test)
	$(BIN)/python -m tests.faults --scale short

faults: tools ## the same for an hour or more: 1,000,000 events, 1,000 kills; docs/reliability.md has its figures
	$(BIN)/python -m tests.faults --scale long --page

lint: env ## ruff, mypy --strict, import-linter, hadolint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/hadolint --failure-threshold style Dockerfile

fuzz: env ## a million hostile inputs to every decoder and finder, an hour or two; puts its counts into docs/fuzzing.md
	$(BIN)/python -m tests.fuzz --inputs 1000000 --page

bench: env ## clips and transcripts per second, CPU per stage, against stock pyannote and Presidio
	$(BIN)/python -m tests.bench

soak: tools ## an hour at full load on a real Apache Kafka: does anything grow? writes out/soak/soak.png
	$(BIN)/python -m tests.soak --minutes 60 --out out/soak

mutants: env ## breaks every safety line in turn and shows that a test fails for each; 20 minutes
	$(BIN)/python -m tests.mutation

chart: env ## the chart's settings schema and snapshot anew, after a change of settings or templates
	$(BIN)/python -m tests.helm.update

BUILDER ?= docker
IMAGE ?= clipveil
VARIANT ?= cuda
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
SBOM ?= out/sbom
CPU_LOCK ?= requirements-cpu.lock
image_cuda = --build-arg LOCK=requirements.lock
image_cpu = --build-arg LOCK=$(CPU_LOCK) --build-arg INDEX=$(TORCH_INDEX)

image: ## the container image: make image PYTHON_DIGEST=sha256:... [VARIANT=cpu] [BUILDER=buildah]
	@test -n "$(PYTHON_DIGEST)" || { echo "name the base that you have checked: make image PYTHON_DIGEST=sha256:..." >&2; exit 1; }
	@test -n "$(image_$(VARIANT))" || { echo "VARIANT is cuda or cpu" >&2; exit 1; }
	@test $(VARIANT) = cuda -o -e $(CPU_LOCK) || { echo "make lock-cpu first" >&2; exit 1; }
	$(BUILDER) build $(if $(filter buildah podman,$(notdir $(BUILDER))),--format docker) \
	  --build-arg PYTHON_DIGEST=$(PYTHON_DIGEST) $(image_$(VARIANT)) --tag $(IMAGE) .

image-test: env ## builds the image and runs it, as root, with buildah and runc; without a base of yours on a stand-in
	bash tests/tools/builder.sh
	CLIPVEIL_IMAGE_TEST=1 $(BIN)/python -m pytest tests/container --timeout 3000

sbom: env ## out/sbom/clipveil.cdx.json: what the image's environment holds, with versions and licences (CycloneDX)
	rm -rf $(SBOM)/env
	$(BIN)/uv venv --quiet --python $(BIN)/python $(SBOM)/env
	$(BIN)/uv pip install --quiet --python $(SBOM)/env/bin/python --require-hashes -r requirements.lock
	$(BIN)/python -m cyclonedx_py environment $(SBOM)/env --pyproject pyproject.toml --output-reproducible \
	  --output-file $(SBOM)/clipveil.cdx.json
	rm -rf $(SBOM)/env

audit: env ## asks the OSV service for known vulnerabilities of every locked package; fails where it can't ask
	$(BIN)/python -m tests.container.audit requirements.lock requirements-dev.lock

lock: ## resolve the pinned environments anew
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras pyproject.toml -o requirements-dev.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml -o requirements.lock

lock-cpu: requirements.lock ## requirements-cpu.lock: the same, with PyTorch from its index of wheels for CPUs
	$(UV) pip compile --quiet --python-version 3.11 --python-platform linux --generate-hashes --no-emit-index-url \
	  --index $(TORCH_INDEX) --index-strategy unsafe-best-match --constraint requirements.lock \
	  --custom-compile-command 'make lock-cpu' pyproject.toml -o $(CPU_LOCK)

clean: ## remove what was made here
	rm -rf $(VENV) .cache out build dist .mypy_cache .ruff_cache .pytest_cache
