"""Numba imports SciPy only when compiled code needs it."""

import importlib.util
import json
import subprocess
import sys

import pytest

pytest.importorskip("numba")

# User code that calls BLAS is compiled after our own kernels.
PROGRAM = """
import json, sys
import numba, numpy as np
from scratchgpt.kernels.gemm import matmul

out = np.empty((2, 2), np.float32)
matmul(np.ones((2, 3), np.float32), np.ones((3, 2), np.float32), out)
before = "scipy.linalg" in sys.modules

@numba.njit
def product(a, b):
    return np.dot(a, b)

@numba.njit
def inner_products(a):
    return np.convolve(a, a)

found = product(np.eye(2), np.eye(2)).tolist(), inner_products(np.ones(2)).tolist()
print(json.dumps([before, "scipy.linalg" in sys.modules, *found]))
"""


@pytest.mark.skipif(importlib.util.find_spec("scipy") is None, reason="SciPy is not installed")
def test_scipy_is_imported_when_compiled_code_needs_its_blas_and_not_before():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    before, after, product, inner_products = json.loads(run.stdout)
    assert not before
    assert after
    assert product == [[1, 0], [0, 1]]
    assert inner_products == [1, 2, 1]
