"""The kernels are tested where there are any."""

import pytest

from scratchgpt.backend import kernels_available

if not kernels_available():
    collect_ignore_glob = ["*.py"]  # in the folders below, too


@pytest.fixture
def n_threads():
    """``n_threads(n)`` computes on n threads until the test ends."""
    import numba

    before = numba.get_num_threads()
    yield numba.set_num_threads
    numba.set_num_threads(before)
