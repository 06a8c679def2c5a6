# Everything sets itself up: Python 3.11 or newer, pip and make are enough.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
TOPIC  ?= The Roman Empire
export TOPIC

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help report serve test bench chaos lint format types imports check lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

report: $(VENV)/.runtime ## Write a report on TOPIC="…"; further options in ARGS="…"
	@$(BIN)/aether report "$$TOPIC" $(ARGS)

serve: $(VENV)/.runtime ## Run the whole service on this machine
	@$(BIN)/aether serve $(ARGS)

bench: $(VENV)/.dev ## Measure everything beside stock arq, into docs/performance.md
	@$(BIN)/python -m benchmarks --write $(ARGS)

chaos: $(VENV)/.dev ## Break everything for MINUTES=20; repeat a run with SEED=…
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) --minutes $(or $(MINUTES),20) $(ARGS)

test: $(VENV)/.dev ## Run all tests with their coverage; fewer, without, by ARGS="tests/unit"
	@$(BIN)/python -m pytest $(or $(ARGS),--cov)

lint: $(VENV)/.dev ## Check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(VENV)/.dev ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.dev ## Check types
	@$(BIN)/mypy

imports: $(VENV)/.dev ## Check that imports point one way
	@$(BIN)/lint-imports

check: lint types imports test ## All of the above, as CI does

lock: $(VENV)/.dev ## Lock the dependencies anew
	@$(COMPILE) --group dev -o requirements-dev.lock
	@$(COMPILE) --group build -c requirements-dev.lock -o requirements.lock

clean: ## Remove what these targets made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

COMPILE = $(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --quiet
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --no-deps

$(VENV)/bin/pip:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/pip
	@echo "Installing Aether into $(VENV) …" >&2
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the development tools into $(VENV) …" >&2
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@
