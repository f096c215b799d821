"""Opening a device: each reason why it fails has its own line, with what to do."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from scratchgpt.device import array_library, check_device
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig


def fake_cupy(strict, *, n_devices=1, driver=None, kernel=None):
    """CuPy, as it behaves on a machine where the driver or the CUDA libraries are missing."""
    chosen = []

    def count():
        if driver:
            raise driver
        return n_devices

    def first(*args, **kwargs):
        if kernel:
            raise kernel
        return strict.arange(*args, **kwargs)

    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(
        runtime=SimpleNamespace(getDeviceCount=count),
        Device=lambda i: SimpleNamespace(use=lambda: chosen.append(i)),
    )
    cupy.arange, cupy.exp, cupy.asarray, cupy.zeros = first, np.exp, strict.asarray, strict.zeros
    cupy.chosen = chosen
    return cupy


def opening(monkeypatch, cupy, device="cuda"):
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    with pytest.raises(UserError) as error:
        array_library(device)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_cpu_needs_no_cupy():
    assert array_library("cpu") is np


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "CUDA", "cuda:12345", "", None, 0])
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match="must be cpu, cuda, or cuda:1"):
        check_device(name)


def test_cupy_is_not_installed(monkeypatch):
    said = opening(monkeypatch, None)
    assert said.startswith("device='cuda' needs CuPy, which is not installed; pip install")


def test_cupy_is_broken(monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "cupy":
                raise ImportError("libcudart.so.13: cannot open shared object file\nand more")

    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(UserError, match=r"cannot be imported: libcudart.so.13: cannot open sha"):
        array_library("cuda")


def test_there_is_no_driver(monkeypatch, strict):
    driver = RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")
    said = opening(monkeypatch, fake_cupy(strict, driver=driver))
    assert said.startswith("device='cuda': there is no GPU that works: cudaErrorInsufficientDriver")
    assert "nvidia-smi" in said


@pytest.mark.parametrize(
    ("n_devices", "device", "says"),
    [
        (0, "cuda", "this machine has 0 GPUs, and they are counted from 0; choose at most cpu"),
        (1, "cuda:1", "this machine has 1 GPU, and they are counted from 0; choose at most cuda:0"),
        (2, "cuda:2", "choose at most cuda:1"),
    ],
)
def test_there_are_fewer_gpus(monkeypatch, strict, n_devices, device, says):
    assert says in opening(monkeypatch, fake_cupy(strict, n_devices=n_devices), device)


@pytest.mark.parametrize(
    "kernel",
    [ImportError("libnvrtc.so.13"), OSError("libnvrtc.so.13"), RuntimeError("libnvrtc.so.13")],
)
def test_the_cuda_libraries_are_missing_at_the_first_kernel(monkeypatch, strict, kernel):
    said = opening(monkeypatch, fake_cupy(strict, kernel=kernel))
    assert "the CUDA libraries that CuPy needs to compute do not work: libnvrtc.so.13" in said


def test_a_device_is_opened_and_a_model_moves_there_and_back(monkeypatch, strict):
    cupy = fake_cupy(strict, n_devices=2)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    model = GPT(GPTConfig(n_layer=1, n_head=2, n_embd=4, block_size=3, vocab_size=5))
    values = model.store.values.copy()
    assert model.to("cuda:1") is model
    assert cupy.chosen == [1]
    assert isinstance(model.store.values, strict.StrictArray)
    assert isinstance(model.astype(np.float64).store.values, np.ndarray)
    model.to("cpu")
    np.testing.assert_array_equal(model.store.values, values)


def test_out_of_memory_is_not_mistaken_for_a_missing_library(monkeypatch, strict):
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy(strict, kernel=MemoryError("2 bytes")))
    with pytest.raises(MemoryError):
        array_library("cuda")


def test_the_installed_cupy_says_what_is_missing():
    """CuPy can be imported without a GPU, and then says why it cannot compute."""
    cupy = pytest.importorskip("cupy")
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except Exception:
        n_devices = 0
    if n_devices:
        assert array_library("cuda") is cupy
    else:
        with pytest.raises(UserError, match=r"there is no GPU that works: cuda|has 0 GPUs"):
            array_library("cuda")
