# make demo       train a GPT on real text, then let it write some (under 3 minutes)
# make test       the whole test suite
# make portable   the suite without Numba, and the kernels for processors without AVX-512
# make lint       style and types
# make docs       the documentation, in docs/_build/html
# make mutation   break the mathematics in two thousand places, and see the tests notice (an hour)
# Each creates the virtual environment it needs; nothing but Python and make must be there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLAIN := .venv-plain
OUT ?= runs/demo

# On CI the peer that gradients are compared with is installed too, and must be there.
ifdef CI
TEST_EXTRAS := test,parity
else
TEST_EXTRAS := test
endif

.PHONY: demo test portable avx2 lint docs mutation clean

# A demo that was interrupted goes on.
demo: $(VENV)/installed-plots
	$(BIN)/scratchgpt train --config examples/demo.toml --out $(OUT) $(if $(wildcard $(OUT)/last),--resume)

# One thread in each of the test processes: with more they wait for each other. What is computed
# without the kernels is tested whole by `make portable`; here, that they can be switched off, and
# against PyTorch what is left then.
test: $(VENV)/installed-$(TEST_EXTRAS)
	SCRATCHGPT_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto
	SCRATCHGPT_KERNELS=off OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -q \
		tests/ops tests/layers tests/models tests/measure tests/cli/test_doctor.py

portable: $(PLAIN)/installed $(if $(filter x86_64,$(shell uname -m)),avx2)
	SCRATCHGPT_REQUIRE_PARITY= OPENBLAS_NUM_THREADS=1 $(PLAIN)/bin/python -m pytest -n auto -q

# The name alone would leave AVX-512 to the compiler: by default it may use all that this CPU has.
# Compiled afresh, since Numba does not notice that a piece which a kernel calls has changed.
avx2: $(VENV)/installed-$(TEST_EXTRAS)
	rm -rf build/kernels-avx2
	NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES=+avx2,+fma NUMBA_CACHE_DIR=$(CURDIR)/build/kernels-avx2 \
		SCRATCHGPT_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -q tests/kernels

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

# All that the package asks for but Numba, which makes it fast and nothing else.
$(PLAIN)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(PLAIN)
	$(PLAIN)/bin/python -m pip install --quiet --editable ".[test]"
	$(PLAIN)/bin/python -m pip uninstall --quiet --yes numba llvmlite
	touch $@

clean:
	rm -rf $(VENV) $(PLAIN) build docs/_build *.egg-info
