# make demo       train a GPT on real text, then let it write some (under 3 minutes)
# make test       the whole test suite
# make portable   the suite without Numba
# make avx2       the kernels for processors without AVX-512
# make lint       style and types
# make docs       the documentation, in docs/_build/html
# make mutation   break the mathematics in two thousand places, and see the tests notice (an hour)
# Each creates the virtual environment it needs; nothing but Python and make must be there.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PLAIN ?= .venv-plain
OUT ?= runs/demo

# On CI one environment serves all stages. The peers that gradients are compared with are installed
# too, and must be there.
ifdef CI
TEST := test,parity,docs,lint
DOCS := $(TEST)
LINT := $(TEST)
# Of the gate's two runs of the suite, one is enough for these.
WITH_NUMBA := -m "not reference"
WITHOUT_NUMBA := -m "not compiled"
else
TEST := test
DOCS := docs
LINT := lint
endif

.PHONY: install demo test suite off portable avx2 lint docs mutation clean

install: $(VENV)/installed-$(TEST) $(PLAIN)/installed

# A demo that was interrupted is resumed.
demo: $(VENV)/installed-plots
	$(BIN)/scratchgpt train --config examples/demo.toml --out $(OUT) $(if $(wildcard $(OUT)/last),--resume)

test: suite off

# One thread in each of the test processes: with more they wait for each other.
suite: $(VENV)/installed-$(TEST)
	SCRATCHGPT_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal $(WITH_NUMBA)

# `make portable` runs everything without the kernels. With the kernels switched off this runs what
# that cannot: the comparison of the reference with PyTorch, and the switch itself.
off: $(VENV)/installed-$(TEST)
	SCRATCHGPT_KERNELS=off OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "peer or switch" \
		tests/ops tests/layers tests/models tests/measure tests/cli/test_doctor.py

portable: $(PLAIN)/installed
	SCRATCHGPT_REQUIRE_PARITY= OPENBLAS_NUM_THREADS=1 $(PLAIN)/bin/python -m pytest -n auto -q --dist worksteal $(WITHOUT_NUMBA)

# Kernels for x86-64 processors without AVX-512, in one process, so that none is compiled twice. The
# name of the CPU alone would let the compiler use all that this CPU has. Compiled afresh, since
# Numba does not notice that a piece which a kernel calls has changed.
avx2: $(VENV)/installed-$(TEST)
ifeq ($(shell uname -m),x86_64)
	rm -rf build/kernels-avx2
	NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES=+avx2,+fma NUMBA_CACHE_DIR=$(CURDIR)/build/kernels-avx2 \
		SCRATCHGPT_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/kernels
endif

lint: $(VENV)/installed-$(LINT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# From nothing each time (-E): the pages show what the code computes, and the code may have changed.
docs: $(VENV)/installed-$(DOCS)
	$(BIN)/python -m sphinx -q -E -n -W --keep-going -b html docs docs/_build/html

mutation: $(VENV)/installed-test,parity
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/mutation/mutate.py

$(VENV)/installed-%: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[$*]"
	touch $@

# Links to all that is installed, except Numba, which makes it fast and nothing else, and the peers.
$(PLAIN)/installed: $(VENV)/installed-$(TEST)
	rm -rf $(PLAIN)
	$(PYTHON) -m venv --without-pip $(PLAIN)
	for each in $(abspath $(VENV))/lib/python*/site-packages/*; do \
		case $${each##*/} in \
		numba*|llvmlite*|torch*|transformers*|statsmodels*) ;; \
		*) ln -s $$each $(PLAIN)/lib/python*/site-packages/ ;; \
		esac; \
	done
	! $(PLAIN)/bin/python -c "import numba" 2>/dev/null
	touch $@

clean:
	rm -rf $(VENV) $(PLAIN) build docs/_build *.egg-info
