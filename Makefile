PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint bench chaos lock clean

run: .venv/run-ready
	@exec $(BIN)/flask up

test: .venv/test-ready
	@sh .ci/test-tools
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest

lint: .venv/test-ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: .venv/test-ready
	@sh .ci/test-tools
	$(BIN)/python -m tests.bench

# Everything goes wrong at once on both databases, for minutes; CHAOS_SEED=… plays a run again.
chaos: .venv/test-ready
	@sh .ci/test-tools
	$(BIN)/python -m tests.chaos

# Only when dependencies change: writes both lock files anew, with hashes and without a word of where packages come from.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --group dev --constraints requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --output-file requirements-dev.lock

clean:
	rm -rf .venv output

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Oncue needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Try: make run PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

.venv/run-ready: requirements.lock | .venv/bin/python
	@echo "Installing what Oncue needs (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/test-ready: requirements-dev.lock | .venv/bin/python
	@echo "Installing what the tests need (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ .venv/run-ready
