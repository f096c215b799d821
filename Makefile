# make demo       train a GPT on real text, then let it write some (under 3 minutes)
# make test       the whole test suite
# make lint       style and types
# make docs       the documentation, in docs/_build/html
# make mutation   break the mathematics in two thousand places, and see the tests notice (an hour)
# Each creates the virtual environment it needs; nothing but Python and make must be there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/demo

# On CI the peer that gradients are compared with is installed too, and must be there.
ifdef CI
TEST_EXTRAS := test,parity
else
TEST_EXTRAS := test
endif

.PHONY: demo test lint docs mutation clean

# A demo that was interrupted goes on.
demo: $(VENV)/installed-plots
	$(BIN)/scratchgpt train --config examples/demo.toml --out $(OUT) $(if $(wildcard $(OUT)/last),--resume)

# One thread in each of the test processes: with more they wait for each other. What the kernels
# compute is tested first, then what is left without them.
test: $(VENV)/installed-$(TEST_EXTRAS)
	SCRATCHGPT_THREADS=1 $(BIN)/python -m pytest -n auto
	SCRATCHGPT_KERNELS=off OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -q

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# From nothing each time (-E): the pages show what the code computes, and the code may have changed.
docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -q -E -n -W --keep-going -b html docs docs/_build/html

mutation: $(VENV)/installed-test,parity
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/mutation/mutate.py

$(VENV)/installed-%: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	touch $@

clean:
	rm -rf $(VENV) build docs/_build *.egg-info
