# Needs Python 3.11, git and make; everything else goes into .venv. `make` lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Torch comes first and alone: it is the pinned build that development is measured with, and the
# CPU build (2.13.0+cpu) wins wherever pip is shown one. Resolved together with the rest, a newer
# torch with its gigabytes of CUDA packages could arrive in its place.
TORCH ?= torch==2.13.0

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'  # older ones know no dependency groups
	$(BIN)/pip install --quiet '$(TORCH)'
	$(BIN)/pip install --quiet --editable '.[native,torch,jax,match,cloud,report,verify,demo]' --group dev
	@touch $@

.PHONY: setup
setup: $(READY) ## make .venv with everything that development needs

.PHONY: demo
demo: $(READY) ## merge real models and show what the children can do
	$(BIN)/python -m specs.demo.demo

.PHONY: test
test: lint ## all checks and all tests, as CI runs them
	$(BIN)/pytest -n auto -m 'slow or not slow'

.PHONY: test-fast
test-fast: $(READY) ## the tests that take milliseconds
	$(BIN)/pytest -n auto

.PHONY: slow
slow: $(READY) ## the slow tests alone
	$(BIN)/pytest -n auto -m slow

# Each step adds to the table what it counted; one that fails is a row of it too. EVERY_CALL=7
# disturbs every seventh call alone.
EVERY_CALL ?= 1
.PHONY: faults
faults: export FAULTS_TALLY := $(CURDIR)/build/faults/tally
faults: FAILED = || echo '{"suite": "a step failed: see above", "violations": 1}' >> $(FAULTS_TALLY)
faults: $(READY) ## kills and faults at every system call, fuzzed files, and a table of what came of them (an hour)
	@mkdir -p build/faults && rm -f $(FAULTS_TALLY)
	@if ! { command -v strace && command -v fusermount && ldconfig -p | grep libfuse.so.2; } > /dev/null; then \
	  { apt-get update -q && apt-get install -qy strace fuse3 libfuse2; } || echo 'tests that need strace or FUSE are skipped'; fi
	$(BIN)/pip install --quiet --only-binary :all: 'atheris>=3' || true  # else files are changed blindly
	EVERY_CALL=$(EVERY_CALL) $(BIN)/pytest -n auto --dist worksteal -m 'slow or not slow' -rs tests/faults tests/runtime/test_shards_faults.py tests/catalog/test_header_faults.py $(FAILED)
	$(BIN)/python -m tests.fuzz.readers --seconds 60 $(FAILED)
	$(BIN)/python -m tests.faults.durability build/faults/models $(FAILED)
	@$(BIN)/python -m tests.faults.faults_table $(FAULTS_TALLY)

.PHONY: mutations
mutations: $(READY) ## a hundred thousand changed specs, each understood or refused (10 minutes)
	$(BIN)/python -m tests.fuzz.mutations

.PHONY: mutation
mutation: $(READY) ## the share of changed operators that the tests notice, by mutmut (hours)
	$(BIN)/python -m tests.mutation.run

.PHONY: lint
lint: $(READY) ## format, lint, both type checkers, floors
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(READY) ## rewrite the sources as ruff wants them
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: docs
docs: $(READY) ## the pages made from the code, and what the examples on the others print
	$(BIN)/python -m docs.generate
	$(BIN)/python -m docs.examples

.PHONY: toys
toys: $(READY) ## lay toy models beside specs/invalid, so that `mergec check` of these can be tried
	$(BIN)/python -m tests.toy_checkpoints specs/invalid

# The peers come with hundreds of packages, among them old ones: an environment of their own.
PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready

$(PEERS_READY): pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet '$(TORCH)'
	$(PEERS)/bin/pip install --quiet mergekit==0.1.5 sd-mecha==1.1.8
	$(PEERS)/bin/pip install --quiet --editable '.[pytest]'
	@touch $@

.PHONY: peers
peers: $(PEERS_READY) ## operators and whole recipes against mergekit and sd-mecha, see docs/peers.md
	MEASURE=1 $(PEERS)/bin/pytest -m 'slow or not slow' tests/peers

# BENCH='--ops ties3 --size small' times less; PEER_PYTHON is an interpreter that has the peers.
BENCH ?=
PEER_PYTHON ?= $(PEERS)/bin/python
PEERS_NEEDED := $(if $(filter $(PEERS)/bin/python,$(PEER_PYTHON)),$(PEERS_READY))

.PHONY: bench
bench: $(READY) ## time and memory of every kind of merge, beside bare system calls (an hour)
	$(BIN)/python -m benchmarks.run $(BENCH)

.PHONY: bench-peers
bench-peers: $(READY) $(PEERS_NEEDED) ## the same beside mergekit and sd-mecha (hours)
	$(BIN)/python -m benchmarks.run --suite peers --peer-python $(PEER_PYTHON) $(BENCH)

.PHONY: build
build: $(READY) ## wheel and sdist into dist/
	$(BIN)/python -m hatchling build --clean

.PHONY: clean
clean: ## remove .venv, caches and built files
	rm -rf $(VENV) $(PEERS) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
