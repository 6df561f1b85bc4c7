# Every verb of the project. CI calls check, test and drill; nothing else.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STATIC := collector/gpufleet_collector/web/static
DOCS := collector/gpufleet_collector/web/docs_static
DASHBOARD_SOURCES := $(shell find collector/dashboard -type f -not -path '*/node_modules/*' 2>/dev/null)
PYTEST ?= $(BIN)/python -m pytest
WORKERS ?= 2

.PHONY: run sync dashboard check test drill soak fuzz bench test-gpu proto golden migration images kubernetes-secrets clean

run: sync dashboard  ## collector and agent (or a simulated fleet) on this machine
	@exec $(BIN)/python tools/run.py

sync: $(VENV)/.synced  ## .venv with the three distributions, editable, and the tools

$(VENV)/.synced: pyproject.toml constraints.txt proto/pyproject.toml agent/pyproject.toml collector/pyproject.toml
	@test -n "$(PYTHON)" || { echo "gpufleet needs Python 3.11 or newer: install it, or say where with PYTHON=/path/to/python" >&2; exit 2; }
	@echo "Installing Python packages into $(VENV) (a minute or two the first time) ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e proto -e agent -e collector --group dev
	@touch $@

dashboard: $(STATIC)/index.html $(DOCS)/index.html  ## the page and that of the API, built into the collector

collector/dashboard/node_modules/.synced: collector/dashboard/package.json collector/dashboard/package-lock.json
	@command -v npm >/dev/null || { echo "the dashboard is built with Node.js 20 or newer: install node and npm" >&2; exit 2; }
	@echo "Installing the dashboard's packages ..."
	@cd collector/dashboard && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STATIC)/index.html: $(DASHBOARD_SOURCES) collector/dashboard/node_modules/.synced
	@echo "Building the dashboard ..."
	@cd collector/dashboard && npm run --silent build
	@touch $@

$(DOCS)/index.html: $(DASHBOARD_SOURCES) collector/dashboard/node_modules/.synced
	@echo "Building the page of the API ..."
	@cd collector/dashboard && npm run --silent build:docs
	@touch $@

check: sync dashboard  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd collector/dashboard && npm run --silent check

test: sync dashboard  ## all tests under 20 s each
	$(PYTEST) -n $(WORKERS) -m "not drill and not soak and not gpu"
	cd collector/dashboard && npm run --silent test

drill: sync dashboard  ## tests over 20 s: outages and kills
	$(PYTEST) -m drill --timeout 600

soak: sync dashboard  ## a quarter of an hour (SOAK_SECONDS) in which all come and go: does memory grow?
	$(PYTEST) -m soak -n 2 --dist loadfile

fuzz: sync dashboard  ## every property again with new seeds, for ten minutes (FUZZ_SECONDS)
	@end=$$((SECONDS + $${FUZZ_SECONDS:-600})); while ((SECONDS < end)); do \
		$(PYTEST) -q -n $(WORKERS) -m "hypothesis and not drill" \
			--hypothesis-profile=fuzz --hypothesis-seed=$$RANDOM || exit 1; done

bench: sync  ## what gpufleet costs, against its budget (ONLY=agent, ingest, history or live); rows in build/bench.json
	@cd tests && ONLY=$(ONLY) PYTHONPATH=../tools ../$(BIN)/python -m bench

test-gpu: sync  ## NVML against nvidia-smi on a real GPU
	$(PYTEST) -m gpu

proto: sync  ## generated modules from proto/telemetry.proto
	$(BIN)/python tools/generate_proto.py

golden: sync  ## rewrite the golden files and generated README parts; read the diff
	$(BIN)/python tools/golden.py

migration: sync  ## a migration for metrics added to proto/telemetry.proto
	$(BIN)/python tools/migration.py

images: sync dashboard  ## the container images of agent and collector, by Docker or buildah
	@exec $(BIN)/python tools/images.py

kubernetes-secrets: sync  ## certificates and tokens for deploy/ into build/kubernetes-secrets (NAMES=a,b: further names of the collector; RENEW=1: new certificates)
	@$(BIN)/python tools/kubernetes_secrets.py --names="$${NAMES:-}" $${RENEW:+--renew}

clean:  ## everything built; not the data, nor the secrets of a cluster
	rm -rf $(VENV) $(STATIC) $(DOCS) collector/dashboard/node_modules $(filter-out build/kubernetes-secrets,$(wildcard build/*))
