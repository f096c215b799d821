import sys

import pytest

from scratchgpt.backend import kernels_available
from scratchgpt.measure import processor

with_kernels = pytest.mark.skipif(not kernels_available(), reason="kernels are not available")


def test_a_processor_has_a_name():
    assert processor.processor_name()


@with_kernels
def test_llvm_uses_the_vectors_of_the_processor():
    compiled_for, vectors = processor.compilation_target()
    assert compiled_for
    assert set(vectors) <= set(processor.processor_vectors())


@with_kernels
def test_llvm_can_be_limited_to_no_vectors(monkeypatch):
    from numba import config

    monkeypatch.setattr(config, "CPU_NAME", "generic")
    monkeypatch.setattr(config, "CPU_FEATURES", "")
    assert processor.compilation_target() == ("generic", ())


def test_the_vectors_of_a_processor_are_known_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    listed = {"flags": "fpu sse avx2 fma avx512f avx512_bf16", "Features": ""}
    monkeypatch.setattr(processor, "_cpuinfo", listed.__getitem__)
    assert processor.processor_vectors() == ("avx512f", "avx512bf16", "avx2", "fma")
    listed |= {"flags": "", "Features": "fp asimd sve"}
    assert processor.processor_vectors() == ("sve", "neon")
