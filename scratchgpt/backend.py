"""Shared conventions: array libraries, dtypes, kernels or NumPy, and named random streams."""

import functools
import hashlib
import importlib.metadata
import importlib.util
import math
import os
import re
import sys
import warnings
from contextvars import ContextVar
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from scratchgpt.errors import UserError

Array: TypeAlias = npt.NDArray[Any]

KERNEL_DTYPES: frozenset[np.dtype[Any]] = frozenset(map(np.dtype, (np.float32, np.float64)))
kernels_allowed: ContextVar[frozenset[np.dtype[Any]]] = ContextVar(
    "kernels_allowed", default=KERNEL_DTYPES
)

# The kernels use private parts of Numba (scratchgpt/kernels/compiler), which may change in any
# release. These are the oldest and the newest release that the tests have run with.
OLDEST_NUMBA, NEWEST_NUMBA = (0, 61), (0, 68)


def use_kernels(*arrays: Array | None, only: npt.DTypeLike | None = None) -> bool:
    """Whether to use the compiled kernels for these arrays instead of the NumPy reference.

    The kernels support NumPy arrays that are all float32 or all float64, if a tested version of
    Numba is installed. They are disabled by ``SCRATCHGPT_KERNELS=off`` and inside
    :func:`scratchgpt.kernels.disabled`. ``SCRATCHGPT_KERNELS=force`` uses them with any version of
    Numba.

    Parameters
    ----------
    *arrays : array or None
        None for an argument that was not given.
    only : dtype, optional
        The only dtype that these kernels support.
    """
    given = [x for x in arrays if x is not None]
    dtype = given[0].dtype
    return (
        all(type(x) is np.ndarray and x.dtype == dtype for x in given)
        and (only is None or dtype == only)
        and kernels_available(dtype)
    )


def use_cuda(*arrays: Array | None) -> bool:
    """Whether to use the CUDA kernels for these arrays instead of CuPy's functions.

    They support C-contiguous CuPy arrays that are all float32 or all float64 and not empty. They
    are disabled like those of :func:`use_kernels`.
    """
    given = [x for x in arrays if x is not None]
    dtype = given[0].dtype
    return (
        type(given[0]).__module__.partition(".")[0] == "cupy"
        and all(x.dtype == dtype and x.size and x.flags.c_contiguous for x in given)
        and dtype in kernels_allowed.get()
        and not _switched_off()
    )


@functools.cache
def _switched_off() -> bool:
    return os.environ.get("SCRATCHGPT_KERNELS", "on").lower() == "off"


def array_module(x: Array) -> Any:
    """Return the library of an array: NumPy, or CuPy for an array on a GPU.

    NumPy's functions accept arrays of both libraries. The library is needed to create an array that
    is used together with ``x``: ``array_module(x).arange(3)``.
    """
    if on_host(x):
        return np
    namespace = getattr(x, "__array_namespace__", None)
    return namespace() if namespace else sys.modules[type(x).__module__.partition(".")[0]]


def on_host(x: Any) -> bool:
    """Whether an array is in the memory of the host: a NumPy array or scalar."""
    return isinstance(x, np.ndarray | np.generic)


def on_device(x: Any) -> bool:
    """Whether ``x`` is an array of another library than NumPy."""
    return hasattr(x, "__array_ufunc__") and not on_host(x)


def to_device_of(like: Array, x: Array) -> Array:
    """Return ``x`` on the device of ``like``: a NumPy array is copied to the GPU of the other.

    Token ids, lengths and masks may be in host memory, where they can be checked without waiting
    for the device. The operations that index with them copy them with this function.

    Raises
    ------
    TypeError
        If ``x`` is on a device and ``like`` is not.
    """
    if on_host(like) and not on_host(x):
        raise TypeError(f"one array is a {type(x).__name__}, the other a NumPy array; use to_host")
    return array_module(like).asarray(x) if on_host(x) and not on_host(like) else x


def to_host(x: Any) -> Array:
    """Return an array of any library as a NumPy array; of a GPU, this waits for the result."""
    array: Array = x if on_host(x) else x.get()
    return array


def to_floats(*values: Any) -> tuple[float, ...]:
    """Return numbers as Python floats; those on a device are read together, in one copy."""
    like = next(filter(on_device, values), None)
    if like is None:
        return tuple(map(float, values))
    together = array_module(like).empty(len(values), np.float64)
    for i, value in enumerate(values):
        together[i] = value
    return tuple(to_host(together).tolist())


def contiguous(*arrays: Array | None) -> bool:
    """Whether kernels can write to all of these arrays; None is for an argument not given."""
    return all(x is None or x.flags.c_contiguous for x in arrays)


def contiguous_rows(*arrays: Array | None) -> bool:
    """Whether kernels by row can write to all of these arrays (..., C).

    They can if an array is contiguous, or has at most four axes of which the last is contiguous, as
    a view (B, H, T, D) of an array (B, T, H D). None is for an argument not given.
    """
    return all(
        x is None or x.flags.c_contiguous or (x.ndim <= 4 and x.strides[-1] == x.itemsize)
        for x in arrays
    )


def kernels_available(dtype: npt.DTypeLike = np.float32) -> bool:
    """Whether there are compiled kernels for a dtype, and they are enabled."""
    return np.dtype(dtype) in kernels_allowed.get() and _kernels_installed()


@functools.cache
def _kernels_installed() -> bool:
    setting = os.environ.get("SCRATCHGPT_KERNELS", "on").lower()
    if setting not in ("on", "off", "force"):
        raise UserError(f"SCRATCHGPT_KERNELS={setting!r} must be 'on', 'off' or 'force'")
    if setting == "off":
        return False
    installed = importlib.util.find_spec("numba") is not None
    if setting == "force":
        if not installed:
            raise UserError("SCRATCHGPT_KERNELS=force: Numba is not installed; pip install numba")
        return True
    if not installed:
        return False
    if (problem := untested_numba()) is None:
        return True
    warnings.warn(f"{problem}, or set SCRATCHGPT_KERNELS=force to try anyway", stacklevel=2)
    return False


def untested_numba() -> str | None:
    """Explain what to do if the installed version of Numba is untested; None if it is tested."""
    version = _numba_version()
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    if OLDEST_NUMBA <= numbers <= NEWEST_NUMBA:
        return None
    (major, oldest), (_, newest) = OLDEST_NUMBA, NEWEST_NUMBA
    return (
        f"Numba {version} is untested: the kernels are tested with {major}.{oldest} to "
        f"{major}.{newest}, so the slower NumPy reference is used instead; "
        f"pip install 'numba>={major}.{oldest},<{major}.{newest + 1}'"
    )


def _numba_version() -> str:
    try:
        return importlib.metadata.version("numba")
    except importlib.metadata.PackageNotFoundError:  # Numba was installed without metadata
        import numba

        return str(numba.__version__)


def check_arrays(op: str, *, bias: Array | None = None, **arrays: Array) -> None:
    """Check the inputs of an operation like :func:`same_dtype`; only the bias may be None.

    Raises
    ------
    TypeError
        If an input is missing, or as :func:`same_dtype`.
    """
    for name, x in arrays.items():
        if x is None:
            raise TypeError(f"{op}: {name} is None; pass an array")
    same_dtype(op, **arrays, bias=bias)


def check_upstream(op: str, dy: Array, shape: tuple[int, ...]) -> None:
    """Check that the upstream gradient of an operation has the shape of the output.

    A kernel would read beyond the end of an array that is too small.

    Raises
    ------
    TypeError
        If dy is not a floating-point array.
    ValueError
        If dy has another shape.
    """
    check_arrays(op, dy=dy)
    if dy.shape != shape:
        raise ValueError(f"{op}: the output is {shape} but dy is {dy.shape}")


def check_dloss(
    op: str, dloss: Any, dtype: np.dtype[Any], shape: tuple[int, ...] | None = None
) -> None:
    """Check that the upstream gradient of a loss is a number, or an array of the given shape.

    Raises
    ------
    ValueError
        If it is another array, or cannot be converted to ``dtype``.
    """
    given = dloss if hasattr(dloss, "dtype") else np.asarray(dloss)
    shapes = ((), (1,) if shape is None else shape)
    if given.shape not in shapes or given.dtype.kind not in "fiu" + dtype.kind:
        raise ValueError(
            f"{op}: dloss is {given.dtype} {given.shape}; it must be a "
            f"real number{'' if shape is None else f', or an array {shape}'}"
        )


def as_rows(x: Array) -> Array:
    """Return an array (..., C) as rows (N, C), also if it has no elements."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def same_dtype(op: str, **arrays: Array | None) -> None:
    """Check that dtypes are equal, because NumPy would silently promote mixed precisions.

    Raises
    ------
    TypeError
        If the inputs that are not None are not arrays, have different dtypes, or a dtype that is
        not inexact.
    """
    for name, x in arrays.items():
        if x is not None and not hasattr(x, "dtype"):
            raise TypeError(f"{op}: {name} is a {type(x).__name__}; pass an array")
    first_name, first = next((name, x) for name, x in arrays.items() if x is not None)
    if first.dtype.kind not in "fc":
        raise TypeError(f"{op}: {first_name} is {first.dtype}; use float32, float64 or complex128")
    for name, x in arrays.items():
        if x is not None and x.dtype != first.dtype:
            raise TypeError(
                f"{op}: {first_name} is {first.dtype} but {name} is {x.dtype}; "
                "convert one of them with .astype"
            )


def _seed_sequence(seed: int, names: tuple[str | int, ...]) -> np.random.SeedSequence:
    path = "/".join(str(name) for name in names)
    digest = hashlib.blake2b(path.encode(), digest_size=16).digest()
    key = tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))
    return np.random.SeedSequence(entropy=seed, spawn_key=key)


def random_stream(seed: int, *names: str | int) -> np.random.Generator:
    """Create an independent random generator: ``random_stream(seed, "batch", step)``.

    A stream depends only on the seed and on its names, not on random numbers that were generated
    before. So a run that is resumed at step 1,000 gets the same numbers as an uninterrupted run.
    """
    return np.random.Generator(np.random.PCG64(_seed_sequence(seed, names)))


def derive_seed(seed: int, *names: str | int) -> int:
    """Derive a 63-bit seed from ``seed`` and names, like :func:`random_stream`."""
    return int(_seed_sequence(seed, names).generate_state(1, np.uint64)[0] >> np.uint64(1))
