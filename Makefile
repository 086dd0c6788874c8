# `make demo` and `make test` need Python 3.11 or newer with pip, and nothing else: each makes the virtual
# environment if there is none, installs wlmsim into it, and runs. `make help` lists the targets.

VENV ?= .venv
WORKERS ?= 2
CONSTRAINTS ?= constraints.txt
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := $(VENV)/bin

# The variable also holds the isolated environment in which wlmsim is built to the tested versions.
PIP_INSTALL = PIP_CONSTRAINT=$(CONSTRAINTS) PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) $(PIP_OPTIONS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all test-lowest lint docs format clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

demo: $(BIN)/.wlmsim-film  ## Simulate, study, forecast and film; results in demo/
	PYVISTA_OFF_SCREEN=true $(BIN)/python examples/demo.py --output demo

PYTEST = PYVISTA_OFF_SCREEN=true MPLBACKEND=agg $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test: $(BIN)/.wlmsim-dev  ## Run the tests in WORKERS processes, but for the slow ones, or those in TESTS; PYTEST_ADDOPTS passes options
	$(PYTEST) -m 'not slow' $(TESTS)

test-all: $(BIN)/.wlmsim-dev  ## Run all tests, as continuous integration does
	$(PYTEST)

# Old packages use what newer ones deprecate, which is no error of wlmsim's.
DEPRECATED = -W default::DeprecationWarning -W default::PendingDeprecationWarning
LOWEST ?= constraints-lowest.txt

test-lowest:  ## Run the tests with the lowest versions that pyproject.toml allows, in an environment of their own
	$(MAKE) test VENV=.venv-lowest CONSTRAINTS='$(LOWEST)' PIP_OPTIONS=--no-compile PYTEST_ADDOPTS='$(DEPRECATED) $(PYTEST_ADDOPTS)'

lint: $(BIN)/.wlmsim-dev  ## Check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(BIN)/.wlmsim-docs  ## Build the site in build/docs; GALLERY=full runs the examples in full size
	$(if $(filter full,$(GALLERY)),rm -rf docs/gallery)
	WLMSIM_GALLERY=$(GALLERY) $(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs

format: $(BIN)/.wlmsim-dev  ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove caches, builds and the demo's results; leaves the environment
	rm -rf build demo dist docs/gallery docs/reference docs/_generated .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find benchmarks docs examples tests wlmsim -name __pycache__ -prune -exec rm -rf {} +

# One stamp for each set of extras: a second call installs nothing.
$(BIN)/.wlmsim-%: pyproject.toml $(CONSTRAINTS) | $(BIN)/pip
	@echo "Installing wlmsim[$*] into $(VENV) (the first time takes a few minutes)"
	@$(PIP_INSTALL) --editable '.[$*]'
	@touch $@

# Debian keeps ensurepip in a package of its own; where it is missing, the system's pip does its work.
$(BIN)/pip:
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "wlmsim needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making the virtual environment $(VENV)"
	@if '$(PYTHON)' -c 'import ensurepip' 2>/dev/null; then \
		'$(PYTHON)' -m venv '$(VENV)'; \
	elif '$(PYTHON)' -m pip --python '$(PYTHON)' --version >/dev/null 2>&1; then \
		'$(PYTHON)' -m venv --without-pip '$(VENV)' && \
		'$(PYTHON)' -m pip --python '$(BIN)/python' install --quiet pip; \
	else \
		echo "$(PYTHON) cannot make virtual environments: install the Debian package python3-venv" >&2; exit 1; \
	fi
