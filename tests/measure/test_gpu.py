"""The measurements of a GPU, on arrays that behave as CuPy's."""

from types import SimpleNamespace

from scratchgpt.measure import gpu
from scratchgpt.measure.gpu import gpu_peak_memory, gpu_read_bandwidth, gpu_sgemm_speed


def test_products_and_reads_wait_for_the_device(strict, monkeypatch):
    waited = []
    device = SimpleNamespace(synchronize=lambda: waited.append(1))
    monkeypatch.setattr(strict.cuda, "Device", lambda: device)
    monkeypatch.setattr(gpu, "PRODUCT_SIZE", 4)
    monkeypatch.setattr(gpu, "BUFFER_BYTES", 400)
    assert gpu_sgemm_speed(strict, seconds=0) > 0
    assert gpu_read_bandwidth(strict, seconds=0) > 0
    assert len(waited) == 4  # a first call of each, which is not timed, and one more


def test_the_peak_is_that_of_the_pool_of_cupy(strict, monkeypatch):
    assert gpu_peak_memory(strict) is None
    pool = SimpleNamespace(total_bytes=lambda: 12)
    monkeypatch.setattr(strict, "get_default_memory_pool", lambda: pool, raising=False)
    assert gpu_peak_memory(strict) == 12
