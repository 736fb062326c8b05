# make demo: the main job on models that ship with evoreg.  make test: the tests.  Both make .venv themselves.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed
# Spinning OpenMP threads starve a second process on few cores; the tests run two processes.
export OMP_WAIT_POLICY = PASSIVE
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE ?= 1
export HF_HUB_DISABLE_TELEMETRY = 1

PEERS = .bench/peers

.PHONY: help demo test check tree bench bench-gate bench-ledger bench-miniature bench-search bench-turnaround bench-peers clean dev
.DEFAULT_GOAL := help

help:    ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

dev: $(STAMP)  ## make .venv with everything that development needs

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet -c constraints.txt setuptools wheel
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## merge the models that ship with evoreg, with licence gate, shares and ledger
	$(BIN)/evoreg demo

test: $(STAMP)  ## run the tests, with branch coverage
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term $(PYTEST_ARGS)

check: $(STAMP) tree  ## ruff, mypy and the floors of the house
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=.tree $(BIN)/lint-imports

tree:    ## links for the tools that read imports without running them (git-ignored)
	@mkdir -p .tree/evoreg
	@for room in registry evolve policies provenance; do ln -sfn ../../$$room .tree/evoreg/$$room; done

bench: $(STAMP)  ## compare a merge with mergekit's and with copying (about an hour; BENCH_ARGS="--methods ties --runs 1")
	$(BIN)/python -m benchmarks.merge $(BENCH_ARGS)

bench-gate: $(STAMP)  ## time the licence gate: two models, and lineages of 10,000 (about two minutes)
	$(BIN)/python -m benchmarks.gate

bench-ledger: $(STAMP)  ## appends a second, and what a million candidates take (about an hour; BENCH_ARGS="--seconds 10")
	$(BIN)/python -m benchmarks.ledger append $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.ledger million $(BENCH_ARGS)

bench-miniature: $(STAMP)  ## the searches of examples/evollm-jp-mini over five seeds (about an hour)
	$(BIN)/python -m benchmarks.miniature $(BENCH_ARGS)

bench-search: $(STAMP)  ## what the economical settings of a search are worth (about an hour; BENCH_ARGS="--levers")
	$(BIN)/python -m benchmarks.search $(BENCH_ARGS)

bench-turnaround: $(STAMP)  ## a candidate in memory beside mergekit writing it to disk (about half an hour)
	$(BIN)/python -m benchmarks.search_turnaround $(BENCH_ARGS)

bench-peers: $(PEERS)/.installed  ## install mergekit in an environment of its own, for bench

# The very build of torch that evoreg has: a fair race, and no second, larger build is fetched.
$(PEERS)/.installed: $(STAMP) constraints.txt
	$(PYTHON) -m venv $(PEERS)
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(PEERS)/bin/python -m pip install --quiet -c constraints.txt \
	  "torch==$$($(BIN)/python -c 'import torch; print(torch.__version__)')" mergekit==0.1.5
	@touch $@

clean:   ## remove what the other targets made
	rm -rf $(VENV) .bench .tree .evoreg evoreg-demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
