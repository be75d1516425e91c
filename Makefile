# Needs python3 (>= 3.11), git and make; nothing is installed outside .venv and .cache.
PYTHON ?= python3
VENV   ?= .venv
PY     := $(VENV)/bin/python
REPO   ?= .
QUERY  ?= where are ignore rules applied
PYTEST ?= -q -n 2
export GROMA_DATA_DIR ?= $(CURDIR)/.cache/data

.PHONY: setup run test lint types bench docs clean help
help:            ## this list
	@grep -E '^[a-z]+: .*##|^[a-z]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)"; exit 3; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(PY) install -q pip; }

$(VENV)/.ok: pyproject.toml $(PY)
	@$(PY) -m pip install -q --disable-pip-version-check uv
	@$(VENV)/bin/uv pip install -q -p $(PY) -e '.[dev]'
	@touch $@

setup: $(VENV)/.ok   ## a virtual environment with everything

run: setup           ## index REPO (default: this tree) and answer QUERY
	@$(PY) -m groma search --repo '$(REPO)' '$(QUERY)'

test: setup          ## fetch the pinned corpora, run all tests
	@$(PY) tools/corpora.py || true
	@$(PY) tools/inspector.py >/dev/null || true
	@$(PY) -m pytest $(PYTEST) --cov=groma --cov-report=term:skip-covered --cov-fail-under=85

lint: setup          ## style
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check src tests tools bench

types: setup         ## types
	@$(VENV)/bin/mypy

bench: setup         ## the benchmarks that need no outside repository
	@$(PY) -m bench.speed --help

docs: setup          ## regenerate what is generated in docs/
	@$(PY) tools/reference.py

clean:               ## remove what setup and run made
	rm -rf $(VENV) .cache build dist *.egg-info src/*.egg-info
