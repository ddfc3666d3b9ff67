# Every target makes what it needs, from nothing: a virtual environment in the checkout with pinned dependencies.
# Needs Python 3.11+ and git; uv is taken from the package registry where it is not installed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One more than the cores of the smallest machine, as tests wait for processes; with a fourth they only share the time.
WORKERS ?= 3

export PYTHONDONTWRITEBYTECODE :=
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: install demo test lint bench soak lock clean

install: $(READY)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) scripts/bootstrap.py $(VENV)
	@touch $@

demo: install
	@$(BIN)/brickyard demo $(ARGS)

test: install
	@$(BIN)/python scripts/test.py --workers $(WORKERS) $(ARGS)

lint: install
	@$(BIN)/python scripts/lint.py

bench: install
	@$(BIN)/python scripts/bench.py $(ARGS)

soak: install
	@$(BIN)/python -m pytest -m soak -n 2 --timeout 3600 $(ARGS)

# Pin: hashes of every platform's files, no download addresses.
lock: install
	@$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --output-file requirements/dev.txt

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
