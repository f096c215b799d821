import os

import pytest

from scratchgpt import kernels
from scratchgpt.cli.kernels import LEAST_ADDRESS_SPACE, prepare_kernels
from scratchgpt.errors import UserError

pytest.importorskip("numba")


@pytest.fixture
def compiled(monkeypatch):
    """The precisions for which kernels have been compiled."""
    precisions = []
    monkeypatch.setattr("scratchgpt.training.compilation.ensure_compiled", precisions.append)
    return precisions


def test_kernels_are_compiled_for_the_precision(compiled):
    prepare_kernels(None, "bf16")
    assert compiled == ["bf16"]


def test_the_number_of_threads_is_set_here_and_for_the_processes_that_follow(compiled, monkeypatch):
    from scratchgpt.kernels.compiler.threads import n_threads, set_threads

    monkeypatch.setenv("SCRATCHGPT_THREADS", "2")
    before = n_threads()
    try:
        prepare_kernels(1)
        assert n_threads() == 1
        assert os.environ["SCRATCHGPT_THREADS"] == "1"
    finally:
        set_threads(before)


def test_without_kernels_nothing_is_compiled(compiled):
    with kernels.disabled():
        prepare_kernels(None)
    assert compiled == []


def test_too_little_memory_is_refused_before_libraries_are_loaded(compiled, monkeypatch):
    resource = pytest.importorskip("resource")
    for limit in (LEAST_ADDRESS_SPACE, resource.RLIM_INFINITY):
        monkeypatch.setattr(resource, "getrlimit", lambda kind, limit=limit: (limit, limit))
        prepare_kernels(None)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (300_000_000, 300_000_000))
    with pytest.raises(UserError, match=r"300.0 MB .* at least 600.0 MB \(ulimit -v\)"):
        prepare_kernels(None)
