# SPDX-License-Identifier: GPL-2.0-or-later
# The virtual environment is made by itself, and again when pyproject.toml changes.

PYTHON ?= python3
# Not from the environment: what stands there belongs to others, and set-up and clean remove it.
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/ready
PYTEST_ARGS ?=
CHECK_ARGS ?=

.DELETE_ON_ERROR:
.PHONY: help prove test check trees lint bench clean
TREES ?= 5.10 6.1 6.12 newest

help:
	@echo 'make prove   prove the theorems and show the table of architectures and sizes'
	@echo 'make check   prove, then check the vmemmap code of the newest kernel that Debian has'
	@echo 'make test    fetch the kernel trees that can be had, run the whole test-suite (profile ci)'
	@echo 'make trees   fetch the kernel trees that the tests of tests/trees run on, or fail'
	@echo 'make lint    run ruff and mypy'
	@echo 'make bench   measure start-up, proofs and sequences per second'
	@echo 'make clean   remove the virtual environment and all caches'
	@echo
	@echo 'PYTHON=python3.12 chooses the interpreter, VENV=DIR the place of the environment,'
	@echo 'PYTEST_ARGS="-k prove" passes arguments to pytest, TREES="6.12 newest" names the trees,'
	@echo 'TREES= fetches none. make check TREE=FOLDER checks the kernel tree in this folder, and'
	@echo 'CHECK_ARGS="--arch arm64" passes arguments to vmemcheck check.'

prove: $(STAMP)
	@$(BIN)/vmemcheck prove

# A tree that cannot be had is left out, and named behind pytest's last line. Only what is not cached is fetched.
test: $(STAMP)
	@$(if $(strip $(TREES)),$(BIN)/vmemcheck fetch $(TREES)) 2>&1 >/dev/null | tee $(VENV)/fetched >&2
	@$(BIN)/python -m pytest --hypothesis-profile=ci --numprocesses=auto --dist=worksteal $(PYTEST_ARGS); code=$$?; \
		sed -nE 's/^(no tree|error)/left out: &/p' $(VENV)/fetched; exit $$code

# A violation is a result: it is make's failure only where there is no verdict.
check: $(STAMP)
	@$(BIN)/vmemcheck prove
	@tree=$${TREE:-$$($(BIN)/vmemcheck fetch newest)} && [ -n "$$tree" ] && \
		{ $(BIN)/vmemcheck check --tree "$$tree" $(CHECK_ARGS) || [ $$? -eq 1 ]; }

# Three tries: an archive may be busy for a moment.
trees: $(STAMP)
	@$(BIN)/vmemcheck fetch --quiet $(TREES) || $(BIN)/vmemcheck fetch --quiet $(TREES) || \
		$(BIN)/vmemcheck fetch $(TREES)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

# The stamp is written last: an interrupted set-up starts again from nothing.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'error: vmemcheck needs Python 3.11 or newer; set PYTHON=' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'error: $(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv' >&2; exit 2; }
	@echo 'setting up $(VENV) ...' >&2
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' || \
		{ echo 'error: pip could not install the packages; see above, then run make again' >&2; exit 2; }
	@touch $@

clean:
	rm -rf $(VENV) build dist .hypothesis .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -rf *.egg-info
