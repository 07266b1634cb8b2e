# Two commands do everything: `make run` and `make test`. See README.md.
# Needs Python 3.11, 3.12 or 3.13 and make; all else is installed into $(VENV).

VENV ?= .venv
# The first interpreter that runs and is of a supported version; `make PYTHON=... ` overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	if $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; \
	then echo $$p; break; fi; done)
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
BIN = $(VENV)/bin

FEEDS ?=
DROP ?=

.PHONY: run test check unit integration test-kafka audit-dependencies lock clean help

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 20

run: $(VENV)/.installed ## Start everything on this machine: make run [FEEDS=my.opml] [DROP=folder]
	@$(BIN)/depeche up $(if $(FEEDS),--feeds $(FEEDS)) $(foreach folder,$(DROP),--drop $(folder))

test: check ## Lint, types, import rules, unit and integration tests
	$(BIN)/python -m pytest $(PYTEST)

check: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

unit: $(VENV)/.tested ## Only what needs no broker
	$(BIN)/python -m pytest -m "not integration" $(PYTEST)

integration: $(VENV)/.tested ## Only what runs on the embedded broker
	$(BIN)/python -m pytest -m integration $(PYTEST)

test-kafka: $(VENV)/.tested ## Only what runs on three Kafka nodes: faults, chaos, security
	$(BIN)/python -m pytest -m kafka $(PYTEST)

# In an environment of its own: what looks for holes does not belong beside what runs.
audit-dependencies: $(VENV)/bin/python ## Ask for known vulnerabilities in requirements.lock
	@test -d $(VENV)/audit || $(BIN)/python -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check --quiet --retries 1 --timeout 15 \
		install "pip-audit==2.10.1" || echo "pip-audit can't be installed here"
	@$(VENV)/audit/bin/python deploy/audit_dependencies.py requirements.lock

lock: $(VENV)/.tested ## Write the lock files again from pyproject.toml
	$(PIP) install "uv>=0.5"
	echo "setuptools>=77" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml -
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --extra test \
		--custom-compile-command "make lock" --constraint requirements.lock \
		--output-file requirements-test.lock pyproject.toml

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found: install one, or say make PYTHON=/path/to/python"; exit 1; }
	@echo "Making the environment $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Installing the packages of requirements.lock (the first time: about 1 GB on disk, a minute or a few) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed requirements-test.lock
	@echo "Installing the packages of requirements-test.lock ..."
	@$(PIP) install --require-hashes -r requirements-test.lock
	@touch $@

clean: ## Remove the environment and the caches; the data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
