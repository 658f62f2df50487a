# make install | sweep | test | lint. The recipes need nothing but python3 and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
ARGS ?=

.PHONY: install install-test sweep test lint

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp for each extra: an install is repeated only when what it depends on changed.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[embedded,test]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed-test

sweep: $(VENV)/.installed
	$(BIN)/gensweep up
	PATH="$(CURDIR)/$(BIN):$$PATH" && set -a && . .gensweep/env && set +a && \
	  ray job submit -- python sweeps/gan_stability.py $(ARGS)

test: install
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
