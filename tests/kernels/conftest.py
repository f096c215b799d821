"""Tests of the kernels, which are skipped if kernels are not available."""

import pytest

from scratchgpt.backend import kernels_available

if not kernels_available():
    collect_ignore_glob = ["*.py"]  # also in subfolders


@pytest.fixture
def n_threads():
    """``n_threads(n)`` sets the number of threads until the test ends."""
    from scratchgpt.kernels.compiler import threads

    before = threads.n_threads()
    yield threads.set_threads
    threads.set_threads(before)
