import numpy as np
import pytest

from scratchgpt.backend import kernels_available
from scratchgpt.kernels import disabled
from scratchgpt.measure import machine, peak_memory, read_bandwidth, sgemm_speed

with_kernels = pytest.mark.skipif(not kernels_available(), reason="kernels are not available")


def test_a_product_is_as_many_operations_as_its_definition_has(monkeypatch):
    monkeypatch.setattr(machine, "best_seconds", lambda work, seconds: 0.5)
    assert sgemm_speed(size=8) == 2 * 8**3 / 0.5


def test_every_byte_read_counts(monkeypatch):
    monkeypatch.setattr(machine, "best_seconds", lambda work, seconds: 0.5)
    assert read_bandwidth(n_bytes=4000) == 8000


def test_the_first_call_does_not_count_and_the_shortest_does(monkeypatch):
    ticks = iter([0.0, 3.0, 3.0, 5.0, 5.0, 9.0])  # calls of 3, 2 and 4 seconds
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(ticks))
    calls = []
    assert machine.best_seconds(lambda: calls.append(1), seconds=8.5) == 2.0
    assert len(calls) == 4


@pytest.mark.parametrize("computes", ["kernels", "NumPy"])
def test_speeds_are_measured_with_kernels_and_without(computes):
    if computes == "kernels":
        assert sgemm_speed(seconds=0, size=64) > 0
        assert read_bandwidth(seconds=0, n_bytes=1000) > 0
        return
    with disabled():
        assert sgemm_speed(1, seconds=0, size=64) > 0
        assert read_bandwidth(seconds=0, n_bytes=1000) > 0


def test_the_product_that_is_timed_is_the_product(rng):
    a, b = rng.standard_normal((2, 40, 40), dtype=np.float32)
    out = np.empty_like(a)
    machine._multiply(a, b, out)
    np.testing.assert_allclose(out, a.astype(float) @ b, rtol=1e-5, atol=1e-5)


@with_kernels
@pytest.mark.parametrize("n_pieces", [1, 2, 3, 7, 1000])
def test_the_reading_pass_reads_all_of_it(n_pieces):
    x = np.arange(100, dtype=np.float32)
    sums = np.empty(n_pieces, np.float32)
    machine._compiled_sum()(n_pieces, x, sums)
    assert sums.sum() == x.sum()


@with_kernels
def test_the_number_of_threads_is_what_it_was_also_after_an_error():
    before = machine.n_threads_in_use()

    def fail():
        with machine._using_threads(1):
            assert machine.n_threads_in_use() == 1
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert machine.n_threads_in_use() == before


def test_without_kernels_it_is_the_threads_of_blas_that_count():
    with disabled(), machine._using_threads(1):
        assert machine.n_threads_in_use() == 1


@with_kernels
def test_numba_says_how_it_runs_its_threads():
    assert machine.threading_layer() in ("omp", "tbb", "workqueue")


def test_the_peak_of_memory_is_at_least_what_was_just_held():
    before = peak_memory()
    if before is None:
        pytest.skip("this system does not report peak memory")
    block = np.ones(before + 50_000_000, np.uint8)  # more than the peak so far
    assert peak_memory() >= block.nbytes
