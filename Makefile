# make demo       train a GPT on real text, then generate text with it (under 3 minutes)
# make test       run the tests
# make test-all   also run the tests that compare with PyTorch, transformers and statsmodels, which it
#                 installs (3 GB), those of several processes over MPI, which it installs, too, and
#                 those that run in a browser, if Chromium is installed
# make portable   run the tests without Numba
# make avx2       test the kernels for x86-64 processors without AVX-512
# make lint       check style and types
# make docs       build the documentation in docs/_build/html
# make book       build it as one EPUB, docs/_build/book/scratchgpt.epub; after make docs, in seconds
# make mutation   plant mistakes in the mathematics, one at a time, and count those that the tests
#                 catch (an hour)
# Each target creates the virtual environment that it needs. Only Python and make must be installed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PLAIN ?= .venv-plain
OUT ?= runs/demo

# On CI, all stages share one environment. It includes the libraries that gradients are compared with.
ifdef CI
TEST := test,parity,browser,mpi,docs,lint
PEERS := $(TEST)
DOCS := $(TEST)
LINT := $(TEST)
# Of the gate's two runs of the suite, one is enough for these.
WITH_NUMBA := -m "not reference"
WITHOUT_NUMBA := -m "not compiled"
else
TEST := test
PEERS := test,parity,browser,mpi
DOCS := docs
LINT := lint
endif

.PHONY: install plain demo test test-all suite off portable avx2 lint docs book mutation clean

install: $(VENV)/installed-$(TEST)

plain: $(PLAIN)/installed

# Resume a demo that was interrupted.
demo: $(VENV)/installed-plots
	$(BIN)/scratchgpt train --config examples/demo.toml --out $(OUT) $(if $(wildcard $(OUT)/last),--resume)

test: suite off

test-all: $(VENV)/installed-$(PEERS)
	SCRATCHGPT_REQUIRE_PARITY=1 $(MAKE) test TEST=$(PEERS)

# Each test process uses one thread; with more, the processes would wait for each other.
suite: $(VENV)/installed-$(TEST)
	SCRATCHGPT_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal $(WITH_NUMBA)

# `make portable` runs the tests without the kernels. With the kernels switched off, this target runs the
# tests that `make portable` cannot run: those that compare the reference with PyTorch, and those of the
# switch.
off: $(VENV)/installed-$(TEST)
	SCRATCHGPT_KERNELS=off OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -q --dist worksteal -m "peer or switch" \
		tests/ops tests/layers tests/models tests/measure tests/cli/test_doctor.py

portable: $(PLAIN)/installed
	SCRATCHGPT_REQUIRE_PARITY= SCRATCHGPT_REQUIRE_BROWSER= SCRATCHGPT_REQUIRE_MPI= OPENBLAS_NUM_THREADS=1 $(PLAIN)/bin/python -m pytest -n auto -q --dist worksteal $(WITHOUT_NUMBA)

# Test the kernels for x86-64 processors without AVX-512, in one process, so that no kernel is compiled
# twice. NUMBA_CPU_NAME alone would let the compiler use all features of this CPU. How kernels are
# compiled, and those for GPUs, do not depend on the processor.
avx2: $(VENV)/installed-$(TEST)
ifeq ($(shell uname -m),x86_64)
	NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES=+avx2,+fma NUMBA_CACHE_DIR=$(CURDIR)/build/kernels-avx2 \
		SCRATCHGPT_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/kernels \
		--ignore tests/kernels/compiler --ignore tests/kernels/cuda
endif

lint: $(VENV)/installed-$(LINT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell -D - -D tests/prose/spelling.txt

# Rebuild all pages (-E), because they show what the code computes, and the code may have changed.
docs: $(VENV)/installed-$(DOCS)
	$(BIN)/python -m sphinx -q -E -n -W --keep-going -b html docs docs/_build/html

# The pages that make docs has read are not read again.
book: $(VENV)/installed-$(DOCS)
	$(BIN)/python -m sphinx -q -n -W --keep-going -b epub -d docs/_build/html/.doctrees docs docs/_build/book

mutation: $(VENV)/installed-$(PEERS)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/mutation/mutate.py

$(VENV)/installed-%: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[$*]"
	touch $@

# An environment for the tests alone, without Numba, which only makes scratchgpt faster.
$(PLAIN)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(PLAIN)
	$(PLAIN)/bin/python -m pip install --quiet --no-compile --editable ".[test]"
	$(PLAIN)/bin/python -m pip uninstall --quiet --yes numba llvmlite
	touch $@

clean:
	rm -rf $(VENV) $(PLAIN) build docs/_build *.egg-info
