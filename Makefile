# Everything sets itself up: Python 3.11 or newer, pip and make are enough.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
TOOLS  := .venv-acceptance
PEERS  := .venv-benchmarks
TOPIC  ?= The Roman Empire
PROCESSES ?= 6
export TOPIC

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help report serve test coverage quick document clients package fuzz bench chaos lint format types imports audit check lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

report: $(VENV)/.runtime ## Write a report on TOPIC="…"; further options in ARGS="…"
	@$(BIN)/aether report "$$TOPIC" $(ARGS)

serve: $(VENV)/.runtime ## Run the whole service on this machine
	@$(BIN)/aether serve $(ARGS)

bench: $(VENV)/.dev $(PEERS)/.python ## Measure everything beside stock arq and Litestar with SAQ, into docs/performance.md
	@$(BIN)/python -m benchmarks --write $(ARGS)

chaos: $(VENV)/.dev ## Break everything for MINUTES=20; repeat a run with SEED=…
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) --minutes $(or $(MINUTES),20) $(ARGS)

test: $(VENV)/.dev ## Run all tests; a selection by ARGS="tests/unit"
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(or $(ARGS),-n $(PROCESSES))

coverage: ## Run all tests, and measure which lines and branches they reach
	@$(MAKE) test ARGS="-n $(PROCESSES) --cov"

quick: $(VENV)/.dev ## Run the fast tests that need no server: units, and contracts over memory and fakeredis
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 -m "not valkey and not slow" tests/unit tests/contract

document: $(VENV)/.dev $(TOOLS)/.python ## Lint the OpenAPI document with redocly and spectral
	@-$(MAKE) $(TOOLS)/.node
	@$(BIN)/python -m pytest tests/acceptance/test_document.py

clients: $(VENV)/.dev $(TOOLS)/.python ## Generate clients in Python and TypeScript, and let them work
	@-$(MAKE) $(TOOLS)/.node
	@$(BIN)/python -m pytest tests/acceptance/test_clients.py

package: $(VENV)/.dev ## Build the wheel, and install it elsewhere without compiling anything
	@$(BIN)/python -m pytest tests/acceptance/test_package.py

fuzz: $(VENV)/.dev $(TOOLS)/.python ## Fuzz the API for SECONDS=60; repeat a run with SEED=…
	@$(BIN)/python -m tests.acceptance.fuzz $(if $(SEED),--seed $(SEED)) --seconds $(or $(SECONDS),60) $(ARGS)

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

audit: $(VENV)/.dev ## Look up what is locked among known vulnerabilities
	@BIN=$(BIN) .ci/audit

check: lint types imports audit test ## Check style, types, imports and packages, and run all tests

lock: $(VENV)/.dev $(TOOLS)/.python ## Lock the dependencies anew
	@$(COMPILE) pyproject.toml --all-extras --group dev -o requirements-dev.lock
	@$(COMPILE) pyproject.toml --all-extras --group build --group model -c requirements-dev.lock -o requirements.lock
	@$(COMPILE) tests/acceptance/requirements.in -o tests/acceptance/requirements.lock
	@$(COMPILE) benchmarks/requirements.in -o benchmarks/requirements.lock
	@$(NPM) install --prefix tests/acceptance --package-lock-only --omit-lockfile-registry-resolved

clean: ## Remove what these targets made
	rm -rf $(VENV) $(TOOLS) $(PEERS) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
INSTALL = pip install --quiet --disable-pip-version-check --no-deps
NPM     = PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" npm --ignore-scripts --no-audit --no-fund --silent

$(VENV)/bin/pip:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/pip
	@echo "Installing Aether into $(VENV) …" >&2
	@$(BIN)/$(INSTALL) --require-hashes -r requirements.lock
	@$(BIN)/$(INSTALL) --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the development tools into $(VENV) …" >&2
	@$(BIN)/$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

$(TOOLS)/.python: tests/acceptance/requirements.lock
	@echo "Installing the tools that read the OpenAPI document into $(TOOLS) …" >&2
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/$(INSTALL) --require-hashes -r $<
	@touch $@

$(PEERS)/.python: benchmarks/requirements.lock
	@echo "Installing Litestar with SAQ into $(PEERS) …" >&2
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/$(INSTALL) --require-hashes -r $<
	@touch $@

$(TOOLS)/.node: tests/acceptance/package-lock.json $(TOOLS)/.python
	@cp tests/acceptance/package.json $< $(TOOLS)
	@$(NPM) ci --prefix $(TOOLS)
	@touch $@
