import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.kernels.cuda import by_row, launch, parameters
from scratchgpt.ops import cross_entropy, dropout, embedding, gelu, layer_norm, softmax
from scratchgpt.optim import adamw, clip

CALLERS = (cross_entropy, dropout, embedding, gelu, layer_norm, softmax, adamw, clip)


def _load():
    path = Path(__file__).parent / "emulator.py"
    spec = importlib.util.spec_from_file_location("cuda_emulator", path)
    module = sys.modules["cuda_emulator"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def emulated(tmp_path_factory):
    """The CUDA sources compiled as C++, for float32 and float64."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    emulator = _load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "THREADS", emulator.THREADS)
        return {
            np.dtype(real): emulator.EmulatedModule(
                launch.source(),
                launch.options(np.dtype(real)),
                real,
                tmp_path_factory.mktemp("cuda"),
            )
            for real in (np.float32, np.float64)
        }


@pytest.fixture
def on_emulator(emulated, monkeypatch):
    """Operations on NumPy arrays call the CUDA kernels, where CuPy's arrays would."""
    calls = []

    def module(dtype):
        calls.append(dtype)
        return emulated[dtype]

    def use_cuda(*arrays):
        given = [x for x in arrays if x is not None]
        return all(
            x.dtype == given[0].dtype and x.size and x.flags.c_contiguous for x in given
        ) and (given[0].dtype in emulated)

    threads = sys.modules["cuda_emulator"].THREADS
    for place in (launch, by_row, parameters):
        monkeypatch.setattr(place, "THREADS", threads)
    monkeypatch.setattr(launch, "module", module)
    for caller in CALLERS:
        monkeypatch.setattr(caller, "use_cuda", use_cuda)
    with kernels.disabled():
        yield calls
