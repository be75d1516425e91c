# Needs python3 (>= 3.11), git and make; builds the compiled core where cargo is. Nothing is installed outside .venv, .cache and target.
PYTHON ?= python3
VENV   ?= .venv
PY     := $(VENV)/bin/python
REPO   ?= .
QUERY  ?= where are ignore rules applied
PYTEST ?= -q -n 2
COVERAGE ?= --cov=groma --cov-report=term:skip-covered --cov-fail-under=85
export GROMA_DATA_DIR ?= $(CURDIR)/.cache/data

# How the core is built: `fast` is quick to build again; `release` is what pip builds, and what the benchmarks measure.
PROFILE ?= fast
# GROMA_CORE=pure builds no core and uses none; GROMA_BUILD_CORE=rust makes it an error if the core cannot be built.
CARGO  := $(if $(filter pure,$(GROMA_CORE) $(GROMA_BUILD_CORE)),,$(shell cargo --version 2>/dev/null))
TARGET := $(or $(CARGO_TARGET_DIR),target)
CORE   := src/groma/_rs.abi3.so
BUILT  := libgroma_rs.$(if $(filter Darwin,$(shell uname -s)),dylib,so)
RUST   := Cargo.toml Cargo.lock $(shell find rust/core rust/py src/groma/languages src/groma/masking -name '*.rs' -o -name '*.scm' -o -name '*.toml' -o -name '*.txt')
FRONT  := Cargo.toml Cargo.lock $(shell find rust/stdio -type f)
# The same for every cargo call: another environment means that everything is built anew.
export PYO3_BUILD_EXTENSION_MODULE := 1
export PYO3_NO_PYTHON := 1

.PHONY: setup core run test lint types sanitize bench docs clean help
help:            ## this list
	@grep -E '^[a-z]+: .*##|^[a-z]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)"; exit 3; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(PY) install -q pip; }

$(VENV)/.ok: pyproject.toml $(PY)
	@$(PY) -m pip install -q --disable-pip-version-check uv
	@GROMA_BUILD_CORE=pure $(VENV)/bin/uv pip install -q -p $(PY) -e '.[dev]'
	@touch $@

# The library is as old as the build's begin: what is edited meanwhile is younger. What did not build is tried again when a source changes.
$(VENV)/.core: $(RUST) | $(VENV)/.ok
	@touch $(VENV)/.begun
	@if cargo build --profile $(PROFILE) --locked -p groma-py; then \
	  cp -f $(TARGET)/$(PROFILE)/$(BUILT) $(CORE).tmp && touch -r $(VENV)/.begun $(CORE).tmp && mv -f $(CORE).tmp $(CORE); \
	else \
	  test "$(GROMA_BUILD_CORE)" != rust; \
	fi
	@touch -r $(VENV)/.begun $@

# The front for agents: beside the interpreter that it starts.
$(VENV)/.front: $(FRONT) | $(VENV)/.ok
	@touch $(VENV)/.front-begun
	@if cargo build --profile front --locked -p groma-mcp; then \
	  cp -f $(TARGET)/front/groma-mcp $(VENV)/bin/groma-mcp.tmp && mv -f $(VENV)/bin/groma-mcp.tmp $(VENV)/bin/groma-mcp; \
	else \
	  rm -f $(VENV)/bin/groma-mcp; test "$(GROMA_BUILD_CORE)" != rust; \
	fi
	@touch -r $(VENV)/.front-begun $@

setup: $(VENV)/.ok $(if $(CARGO),$(VENV)/.core $(VENV)/.front)   ## a virtual environment with everything; the compiled core and the front where cargo is
	@test -f $(CORE) || test '$(GROMA_CORE)' = pure || echo "groma: no compiled core here ($(if $(CARGO),it did not build; to try again: make core,no cargo)); the plain one is used (slower)" >&2

core:                ## build the compiled core and the front, also if they did not build before
	@rm -f $(VENV)/.core $(VENV)/.front
	@$(MAKE) --no-print-directory setup

run: setup           ## index REPO (default: this tree) and answer QUERY
	@$(PY) -m groma search --repo '$(REPO)' '$(QUERY)'

test: setup          ## fetch the pinned corpora, run all tests
	@$(PY) tools/corpora.py || true
	@$(PY) tools/inspector.py >/dev/null || true
	@$(if $(CARGO),cargo test -q --locked -p groma-mcp)
	@$(PY) -m pytest $(PYTEST) $(COVERAGE)

lint: setup          ## style
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check src tests tools bench setup.py
	@$(if $(CARGO),cargo fmt --check && cargo clippy -q --profile fast --locked --all-targets -- -D warnings,echo "groma: no cargo; the compiled core is not checked" >&2)

types: setup         ## types
	@$(VENV)/bin/mypy

# Miri forgets pointers that are gone more often than by default: a walk along a slice is several times as quick. It knows AVX2 and no AVX-512
# (AddressSanitizer sees that where the processor has it). The pool of threads lives as long as the process, which Miri takes for a leak.
MIRI := cargo +nightly miri test -q --locked -p groma-core --lib
MIRI_ENV := CARGO_TARGET_DIR=$(TARGET)/miri $(if $(filter x86_64,$(shell uname -m)),RUSTFLAGS=-Ctarget-feature=+avx2)

sanitize:            ## the segment and the threads under AddressSanitizer and Miri (rustup's nightly with miri and rust-src; minutes)
	RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=$(TARGET)/asan cargo +nightly test -q --locked -p groma-core --lib \
	  --target $(shell rustc -vV | sed -n 's/host: //p') -- segment threads
	$(MIRI_ENV) MIRIFLAGS='-Zmiri-tree-borrows -Zmiri-provenance-gc=400' $(MIRI) -- segment
	$(MIRI_ENV) MIRIFLAGS='-Zmiri-tree-borrows -Zmiri-ignore-leaks -Zmiri-permissive-provenance -Zmiri-many-seeds=0..4' $(MIRI) -- threads

bench: setup         ## the benchmarks that need no outside repository
	@$(PY) -m bench.speed --help

docs: setup          ## regenerate docs/ and the catalogue of the stdio front
	@$(PY) tools/reference.py
	@$(PY) tools/catalogue.py

clean:               ## remove what setup and run made
	rm -rf $(VENV) .cache target $(CORE) build dist *.egg-info src/*.egg-info
