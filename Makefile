# Magicshot: `make run` starts the site, `make test` checks everything.
#
#   PORT=8000            where the site listens (HOST too)
#   MAGICSHOT_HOME=data  the one folder that holds all state
#   TORCH=cpu            the build of PyTorch: cpu, cuda, or none (remote models only)
#   EXTRAS=gatys         optional downloads: the net of slow style transfer (55 MB)
#   EMBEDDED=1           make test without PostgreSQL, Redis and RabbitMQ: partial

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
TORCH ?= cpu
export TORCH
# Many processes start: none but the first shall compile our modules.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
LOCKS := $(wildcard requirements/*.txt)
KEY := $(shell cat $(LOCKS) scripts/install.sh | cksum | cut -d' ' -f1)-$(TORCH)$(EXTRAS:%=-%)
INSTALLED := .venv/installed-$(KEY)
INSTALLED_DEV := .venv/installed-dev-$(KEY)

.DEFAULT_GOAL := help
.PHONY: help run install test check chaos bench demo-billing demo-providers lock format clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

run: $(INSTALLED)  ## Start the site: installs, migrates, prints its address; Ctrl-C stops it
	@exec $(BIN)/python manage.py run

install: $(INSTALLED)  ## Only install what the site needs into .venv

test: $(INSTALLED_DEV)  ## Run the whole suite: lint, types, unit, integration, browser
	@BIN=$(BIN) sh scripts/test.sh

check: $(INSTALLED_DEV)  ## Lint, types, import contracts, migrations; no tests
	@BIN=$(BIN) sh scripts/check.sh

chaos: $(INSTALLED_DEV)  ## Kill real processes at every kill point, many times (long)
	@BIN=$(BIN) sh scripts/chaos.sh

bench: $(INSTALLED_DEV)  ## Measure, and write docs/benchmarks.md
	@$(BIN)/python -m bench

demo-providers: $(INSTALLED_DEV)  ## Start a demo site whose remote providers are fakes
	@$(BIN)/python scripts/demo_providers.py

demo-billing: $(INSTALLED_DEV)  ## Start a demo site that sells credits through a fake Stripe
	@$(BIN)/python scripts/demo_billing.py

lock:  ## Resolve requirements/*.in again into the lock files
	@PYTHON=$(PYTHON) sh scripts/lock.sh

format: $(INSTALLED_DEV)  ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

clean:  ## Remove .venv, caches and build folders; never your data
	rm -rf .venv build htmlcov .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

$(INSTALLED):
	@PYTHON=$(PYTHON) STAMP=$@ EXTRAS="$(EXTRAS)" sh scripts/install.sh base

$(INSTALLED_DEV):
	@PYTHON=$(PYTHON) STAMP=$@ EXTRAS=gatys sh scripts/install.sh base dev
	@touch $(INSTALLED)
