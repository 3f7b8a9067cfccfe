# `make run` and `make test` need Python 3.11 or newer, git and make; everything else is installed into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: install run demo test test-long check schema playground clean help
.DEFAULT_GOAL := help

help: ## what can be made here
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Pourplan needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Pourplan into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[embedded,solver,modal,supabase]' --group test --group check
	@$(BIN)/python -m solver_jobs.foundry.warm
	@touch $(STAMP)

install: $(STAMP) ## install Pourplan and its tools into .venv

run: $(STAMP) ## the sample plant's September and Monday, then API and playground on 127.0.0.1:8000
	@test -d api/playground/assets || ! command -v npm >/dev/null || $(BIN)/python -m api.playground \
		|| echo "The playground will load its code from a CDN."
	@$(BIN)/pourplan demo --serve

demo: $(STAMP) ## the same, ending instead of serving
	@$(BIN)/pourplan demo

# The tests mostly wait: for processes that start, databases, timers.
TEST_PROCESSES ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder \
	-p tests.longest_first

test: $(STAMP) ## all tests, short tiers of the long ones
	@$(PYTEST) $(PYTEST_ARGS)

test-long: $(STAMP) ## all tests in full
	@POURPLAN_TEST_TIER=long $(PYTEST) --timeout 7200 $(PYTEST_ARGS)

check: $(STAMP) ## static checks: ruff, mypy, the rooms, the exported schema
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pourplan schema graphql | diff -u schema.graphql - || { echo "schema.graphql is stale: run make schema"; exit 1; }

schema: $(STAMP) ## export the GraphQL schema
	@$(BIN)/pourplan schema graphql > schema.graphql

playground: $(STAMP) ## fetch the playground's code from npm, so that no page loads it from a CDN
	@$(BIN)/python -m api.playground

clean: ## remove .venv and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
