# Each target makes its own virtual environment when there is none. `make demo` and `make test` are all that a fresh machine needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_READY := $(VENV)/.ready-demo
BENCH_READY := $(VENV)/.ready-bench
FUZZ_READY := $(VENV)/.ready-fuzz

.PHONY: demo test lint bench docs dist fuzz clean

demo: $(DEMO_READY)
	$(BIN)/drcheck demo

test: $(READY)
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 3 $(PYTEST)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(BENCH_READY)
	$(BIN)/python -m benchmarks $(BENCH)

docs: $(READY)
	$(BIN)/python -m docs.generate

dist: $(READY)
	$(BIN)/python -m release

fuzz: $(FUZZ_READY)
	$(BIN)/python -m tests.fuzz $(FUZZ)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(DEMO_READY): pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	touch $@

$(READY): pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(DEMO_READY)

$(BENCH_READY): pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@ $(READY) $(DEMO_READY)

$(FUZZ_READY): pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[fuzz]'
	touch $@ $(READY) $(DEMO_READY)
