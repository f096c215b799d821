import shutil
from pathlib import Path

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.kernels.cuda import by_row, launch, parameters
from scratchgpt.ops import cross_entropy, dropout, embedding, gelu, layer_norm, rms_norm, softmax
from scratchgpt.optim import adamw, clip

CALLERS = (cross_entropy, dropout, embedding, gelu, layer_norm, rms_norm, softmax, adamw, clip)


@pytest.fixture(scope="session")
def emulator(load_file):
    """The module ``emulator.py`` beside this file."""
    return load_file(Path(__file__).with_name("emulator.py"))


@pytest.fixture(scope="session")
def emulated(emulator, tmp_path_factory):
    """The CUDA sources compiled as C++, for float32 and float64."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
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
def on_emulator(emulator, emulated, monkeypatch):
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

    for place in (launch, by_row, parameters):
        monkeypatch.setattr(place, "THREADS", emulator.THREADS)
    monkeypatch.setattr(launch, "module", module)
    for caller in CALLERS:
        monkeypatch.setattr(caller, "use_cuda", use_cuda)
    with kernels.disabled():
        yield calls
