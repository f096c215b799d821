"""The devices that models can compute on: the CPU with NumPy, NVIDIA GPUs with CuPy."""

import importlib
import re
from types import ModuleType
from typing import Any

import numpy as np

from scratchgpt.errors import UserError, counted

__all__ = ["array_library", "check_device"]

_NAME = re.compile(r"cpu|cuda(?::(\d{1,4}))?")
_INSTALL = "pip install 'scratchgpt-numpy[cuda]' (cuda12 for CUDA 12)"


def check_device(device: str) -> str:
    """Return the name of a device, ``cpu``, ``cuda`` or ``cuda:1``, without opening it.

    Raises
    ------
    UserError
        If it is another name.
    """
    if not isinstance(device, str) or not _NAME.fullmatch(device):
        raise UserError(f"device={device!r} must be cpu, cuda, or cuda:1 for the second GPU")
    return device


def array_library(device: str) -> Any:
    """Open a device, and return the library whose arrays are on it: ``numpy`` or ``cupy``.

    For a GPU, this makes it the current device of CuPy, and computes something with it. So a
    missing library is an error here, and not in the first training step.

    Raises
    ------
    UserError
        If CuPy is not installed, there is no such GPU, its driver does not work, or the CUDA
        libraries that CuPy loads when it computes are missing.
    """
    match = _NAME.fullmatch(check_device(device))
    assert match is not None
    if device == "cpu":
        return np
    index = int(match[1] or 0)
    cupy = _import_cupy(device)
    _select(cupy, device, index)
    try:
        x = cupy.arange(4, dtype=np.float32).reshape(2, 2)
        float((x @ cupy.exp(x)).sum())  # compiles a kernel, and loads cuBLAS
    except MemoryError:
        raise
    except Exception as error:  # CuPy raises ImportError, OSError, RuntimeError and its own
        raise UserError(
            f"device={device!r}: the CUDA libraries that CuPy needs to compute do not work: "
            f"{_first_line(error)}; install CUDA, or {_INSTALL}, which brings them"
        ) from error
    return cupy


def _import_cupy(device: str) -> ModuleType:
    try:
        return importlib.import_module("cupy")
    except ImportError as error:
        if getattr(error, "name", None) == "cupy":
            reason = "needs CuPy, which is not installed"
        else:
            reason = f"needs CuPy, which cannot be imported: {_first_line(error)}"
        raise UserError(f"device={device!r} {reason}; {_INSTALL}") from error


def _select(cupy: Any, device: str, index: int) -> None:
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # the class is in CuPy's compiled part
        raise UserError(
            f"device={device!r}: there is no GPU that works: {_first_line(error)}; check it with "
            "nvidia-smi, install or update the NVIDIA driver, or use device=cpu"
        ) from error
    if index >= n_devices:
        last = f"cuda:{n_devices - 1}" if n_devices else "cpu"
        raise UserError(
            f"device={device!r}: this machine has {counted(n_devices, 'GPU')}, and they are "
            f"counted from 0; choose at most {last}"
        )
    cupy.cuda.Device(index).use()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:; ") if lines else type(error).__name__
