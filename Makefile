# Everything a developer runs. Targets with a ## comment show up in `make help`.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
# One step at a time: their output and their times would mix.
.NOTPARALLEL:

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
SETUP_STAMP := $(VENV)/.installed
BUILT := $(CURDIR)/build/core.wasm
export COREWASM_MAKE_BEGAN := $(or $(COREWASM_MAKE_BEGAN),$(shell date +%s))
STEP := $(PYTHON) -m tools.step
PYTEST := $(PY) -m pytest -c python/pyproject.toml --rootdir=.
# Arguments for pytest or cargo test, as in: make test-python ARGS='-k retry'
ARGS ?=

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(SETUP_STAMP) ## Make .venv with the Python package (editable) and all that tests and checks need

$(SETUP_STAMP): python/pyproject.toml python/constraints.txt python/corewasm.pth
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed; name one with PYTHON=")'
	@$(STEP) "Python environment in $(VENV)" $(PYTHON) -m venv $(VENV)
	@$(STEP) "Python packages" $(PY) -m pip install --quiet --disable-pip-version-check \
		-c python/constraints.txt -e 'python[dev,opentelemetry]'
	@touch $@

.PHONY: wasm
wasm: setup ## Build core.wasm into build/ and check it (imports, exports, feature floor, size)
	@$(STEP) "core.wasm" $(PY) -m tools.wasm build

.PHONY: wasm-status
wasm-status: setup ## Say whether the committed core.wasm is the one these sources give
	@$(STEP) "Committed core.wasm" $(PY) -m tools.wasm status

.PHONY: wasm-commit
wasm-commit: setup ## Build core.wasm and copy it into the Python package, to be committed
	@$(STEP) "core.wasm into the package" $(PY) -m tools.wasm commit

.PHONY: generate
generate: setup ## Write every generated file anew: ABI classes, client tables, core.wasm, the turn kit
	@$(STEP) "ABI classes" $(PY) python/tools/generate_abi.py
	@$(STEP) "Client tables" $(PY) tools/generate_client_tables.py
	@$(STEP) "core.wasm into the package" $(PY) -m tools.wasm commit
	@COREWASM_MODULE=$(CURDIR)/python/src/corewasm/core.wasm $(STEP) "Turn kit" $(PY) -m conformance.turns record

.PHONY: generate-check
generate-check: wasm ## Say whether a generated file is not what its sources give
	@$(STEP) "ABI classes" $(PY) python/tools/generate_abi.py --check
	@$(STEP) "Client tables" $(PY) tools/generate_client_tables.py --check
	@$(STEP) "Committed core.wasm" $(PY) -m tools.wasm status --strict
	@COREWASM_MODULE=$(BUILT) $(STEP) "Turn kit" $(PY) -m conformance.turns play

.PHONY: demo
demo: setup ## Run a workflow of the official SDK on our Core, against a real server
	@module=$$($(PY) -m tools.wasm path); COREWASM_MODULE=$$module $(PY) -m tools.demo

.PHONY: test
test: setup check wasm wasm-status test-rust test-python test-differential engines test-live ## Set up what is missing and run every check and test
	@$(STEP) "All of it" true

.PHONY: test-rust
test-rust: wasm ## Rust tests
	@COREWASM_MODULE=$(BUILT) $(STEP) "Rust tests" cargo test --workspace --locked $(ARGS)

.PHONY: test-python
test-python: wasm ## Python tests that need no server, and those of the tools
	@COREWASM_MODULE=$(BUILT) $(STEP) "Python tests" $(PYTEST) python/tests tools/tests \
		--ignore=python/tests/live --ignore=tools/tests/tidy --ignore=tools/tests/live $(ARGS)

.PHONY: test-live
test-live: wasm ## Tests against a real Temporal server (built here, or the one at TEMPORAL_ADDRESS)
	@test -n "$${TEMPORAL_ADDRESS:-}" || $(STEP) "Temporal server" $(PY) -m tools.temporal_server --build
	@COREWASM_MODULE=$(BUILT) $(STEP) "Live tests" $(PYTEST) python/tests/live tools/tests/live $(ARGS)

.PHONY: test-differential
test-differential: wasm ## Give native Core and ours the same inputs, every history and live scenario, and compare
	@COREWASM_MODULE=$(BUILT) $(STEP) "Histories on both Cores" $(PY) -m conformance.differential replay --quiet
	@COREWASM_MODULE=$(BUILT) $(STEP) "Live scenarios on both Cores" $(PY) -m conformance.differential live --quiet

.PHONY: check
check: setup tidy ## Formatting, lints, types and house rules, in Rust and Python
	@$(STEP) "Python lints" $(PY) -m ruff check .
	@$(STEP) "Python formatting" $(PY) -m ruff format --check .
	@$(STEP) "Python types" $(PY) -m mypy --config-file python/pyproject.toml python/src/corewasm tools conformance bench
	@$(STEP) "Rust formatting" cargo fmt --all --check
	@$(STEP) "Rust lints" cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: tidy
tidy: setup ## House rules that no linter knows: sizes, crate graph, unsafe, machine paths, ADRs, changelog
	@$(STEP) "House rules" $(PYTEST) tools/tests/tidy $(ARGS)

.PHONY: bench
bench: setup ## Measure native Core and corewasm side by side; writes JSON and a picture
	@module=$$($(PY) -m tools.wasm path); COREWASM_MODULE=$$module $(STEP) "Benchmarks" $(PY) -m bench $(ARGS)

.PHONY: engines
engines: wasm ## Play the turn kit on every WebAssembly engine that this machine can run (ARGS=--write keeps the table)
	@COREWASM_MODULE=$(BUILT) $(STEP) "Engines" $(PY) -m conformance.engines $(ARGS)

.PHONY: fleet
fleet: wasm ## Random workflows on workers of both Cores that are killed all the time (ARGS="--workflows 1000")
	@COREWASM_MODULE=$(BUILT) $(STEP) "A mixed fleet" $(PY) -m conformance.fleet $(ARGS)

.PHONY: dist
dist: setup ## Build wheel and sdist into dist/; fails when the committed core.wasm is stale
	@$(STEP) "Committed core.wasm" $(PY) -m tools.wasm status --strict
	@$(STEP) "Wheel and sdist" $(PY) -m build --outdir dist python
	@$(STEP) "What is in the wheel" $(PY) -m tools.wheel dist

.PHONY: clean
clean: ## Remove what was built in this checkout (the caches below the user's cache directory stay)
	rm -rf build dist target $(VENV) .mypy_cache .ruff_cache python/.mypy_cache python/.pytest_cache .pytest_cache
