# make install | bundle | lock | sweep [ARGS='--trials 15'] | test [PYTEST_ARGS='-m "not slow"'] | lint
# make nightly
# The recipes need python3, bash and, for the tests, a browser.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
ARGS ?=

.PHONY: install sweep bundle lock browser postgres containers checkov test nightly lint

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp for each extra: an install is repeated only when what it depends on changed.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV): some two minutes"
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV), with what tests need: some two minutes"
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[embedded,test]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed-test

sweep: $(VENV)/.installed
	$(BIN)/gensweep up
	PATH="$(CURDIR)/$(BIN):$$PATH" && set -a && . "$${GENSWEEP_HOME:-.gensweep}/env" && set +a && \
	  ray job submit -- python $(if $(GENSWEEP_HOME),$(CURDIR)/)sweeps/gan_stability.py $(ARGS)

# What hosts of a cluster install (infra/boot). The same files make the same archive, byte by byte.
bundle: $(VENV)/.installed
	rm -rf dist/bundle && mkdir -p dist/bundle
	SOURCE_DATE_EPOCH=315532800 $(BIN)/python -m pip wheel -q --no-deps -w dist/bundle .
	cp -r constraints.txt infra/boot/requirements.txt sweeps dist/bundle
	tar --sort=name --mtime=@315532800 --owner=0 --group=0 --numeric-owner --exclude=__pycache__ \
	  -C dist/bundle -c . | gzip -n >dist/gensweep-bundle.tar.gz
	@echo dist/gensweep-bundle.tar.gz

# The packages of hosts, with the hashes of every file that PyPI has of them: after constraints.txt
# or the dependencies changed.
LOCK := compile -c constraints.txt --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate
lock: .venv-uv/.installed
	@echo "# What hosts install: the packages of gensweep[cluster] as in constraints.txt, by their" \
	  "hashes. \`make lock\` writes it." >infra/boot/requirements.txt
	.venv-uv/bin/uv pip $(LOCK) pyproject.toml --extra cluster >>infra/boot/requirements.txt
	@echo "# What a host fetches the bundle by, in hashes. \`make lock\` writes it." >infra/boot/boto3.txt
	echo boto3 | .venv-uv/bin/uv pip $(LOCK) - >>infra/boot/boto3.txt

.venv-uv/.installed:
	$(PYTHON) -m venv .venv-uv
	.venv-uv/bin/python -m pip install -q uv
	@touch $@

# The report is opened in a real browser.
browser:
	@command -v chromium google-chrome >/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || \
	  { echo "install chromium: the tests open the report in it"; exit 1; }

# A ledger is kept in a real PostgreSQL, which the test starts itself.
postgres:
	@command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq postgresql >/dev/null; } || \
	  { echo "install postgresql: a test keeps a ledger in it"; exit 1; }

# Hosts of a cluster are booted as systemd containers with networks of their own.
containers:
	@{ command -v systemd-nspawn && command -v ip && command -v curl; } >/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq systemd-container iproute2 curl >/dev/null; } || \
	  { echo "install systemd-container, iproute2 and curl: a test boots hosts"; exit 1; }

# A policy scanner looks through infra/, from an environment of its own.
checkov: .venv-checkov/.installed

.venv-checkov/.installed: infra/checkov.txt
	$(PYTHON) -m venv .venv-checkov
	.venv-checkov/bin/python -m pip install -q -r infra/checkov.txt
	@touch $@

# Two processes share the test files, each with a stack of its own.
test: install browser postgres containers checkov
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not nightly" $(PYTEST_ARGS)

# Each benchmark once, and sweeps through minutes of random faults, by a seed of the commit and by
# fixed ones. What each found is shown, also where it passed.
nightly: install postgres
	$(BIN)/python -m pytest -m nightly -rA tests $(PYTEST_ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
