# Everything a developer or a visitor types. `make` alone lists it.
# Needs: Python 3.11 to 3.13, make, a C library. Nothing else is installed outside .venv.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/.bootstrap
UV_VERSION := 0.13.9
# uv otherwise ignores the system's certificates and may fetch a Python of its own.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# `make run PORT=8001 DATA_DIR=/srv/plunk`: variables given to make reach the program.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check format ci install dev browser editor lock clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.runtime ## Start everything: web, worker, scheduler, and mail to the local inbox
	@exec $(BIN)/python manage.py run $(ARGS)

test: $(VENV)/.dev ## Run every test, on SQLite and, where they answer, PostgreSQL + Redis
	@exec $(BIN)/python tests/run.py $(ARGS)

check: $(VENV)/.dev ## Lint, types, import floors, templates, migrations, deployment settings
	@PATH="$(CURDIR)/$(BIN):$$PATH" .ci/checks

format: $(VENV)/.dev ## Put the code into shape
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

ci: ## Run what the continuous integration runs
	@.ci/run

install: $(VENV)/.runtime ## Install what running needs

dev: $(VENV)/.dev ## Install what developing needs

browser: $(VENV)/.e2e ## Install what the browser tests need, beside a system's Chromium

editor: ## Build the editor's scripts again (needs node 20 and a package registry)
	cd transactional/editor && npm ci --ignore-scripts --no-audit --no-fund && npm run --silent build

lock: $(TOOLS)/.ready ## Make the lock files again (UPGRADE=--upgrade for newer versions)
	$(TOOLS)/bin/uv pip compile pyproject.toml --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet $(UPGRADE) \
	  --output-file requirements.lock
	$(TOOLS)/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet $(UPGRADE) \
	  --constraint requirements.lock --output-file requirements-dev.lock
	$(TOOLS)/bin/uv pip compile pyproject.toml --group dev --group e2e --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
	  $(UPGRADE) --constraint requirements-dev.lock --output-file requirements-e2e.lock

clean: ## Remove the environment and the caches; data under var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the environment --------------------------------------------------------------------
# One environment serves all: the dev lock contains the runtime lock, and the e2e lock the
# dev lock, so installing it satisfies the others too, and none undoes what another did.

$(BIN)/python:
	@for python in "$(PYTHON)" python3 python3.13 python3.12 python3.11; do \
	  [ -n "$$python" ] && command -v "$$python" >/dev/null 2>&1 || continue; \
	  "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || continue; \
	  echo "Making $(VENV) with $$("$$python" --version)."; \
	  exec "$$python" -m venv --without-pip $(VENV); \
	done; \
	echo "Python 3.11, 3.12 or 3.13 is needed; name one with: make PYTHON=/path/to/python3" >&2; exit 1

$(TOOLS)/bin/pip: | $(BIN)/python
	@$(BIN)/python -m venv $(TOOLS) || { \
	  echo "Python's venv module is incomplete (on Debian: apt install python3-venv)." >&2; exit 1; }

$(TOOLS)/.ready: | $(TOOLS)/bin/pip
	@$(TOOLS)/bin/pip install --quiet uv==$(UV_VERSION) \
	  || echo "uv cannot be had; pip installs instead, which takes longer." >&2
	@touch $@

# $(1): a lock file. pip takes over where there is no uv for this machine.
define sync
	@echo "Installing $(1)."
	@if [ -x $(TOOLS)/bin/uv ]; then \
	  $(TOOLS)/bin/uv pip sync --quiet --require-hashes --python $(BIN)/python $(1); \
	else \
	  $(TOOLS)/bin/pip --python $(BIN)/python install --quiet --require-hashes -r $(1); \
	fi
endef

$(VENV)/.runtime: requirements.lock | $(TOOLS)/.ready
	@rm -f $(VENV)/.dev $(VENV)/.e2e
	$(call sync,requirements.lock)
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements.lock | $(TOOLS)/.ready
	@rm -f $(VENV)/.e2e
	$(call sync,requirements-dev.lock)
	@touch $(VENV)/.runtime $@

$(VENV)/.e2e: requirements-e2e.lock requirements-dev.lock requirements.lock | $(TOOLS)/.ready
	$(call sync,requirements-e2e.lock)
	@touch $(VENV)/.runtime $(VENV)/.dev $@
