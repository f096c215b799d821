"""Findings on this machine's setup: libraries, processor, threads and compiled kernels."""

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scratchgpt.backend import kernels_available, untested_numba
from scratchgpt.errors import UserError
from scratchgpt.files import folder_bytes
from scratchgpt.kernels import disabled
from scratchgpt.measure.machine import (
    n_threads_in_use,
    read_bandwidth,
    sgemm_speed,
    threading_layer,
)
from scratchgpt.measure.processor import (
    compilation_target,
    processor_name,
    processor_vectors,
)
from scratchgpt.threads import n_cores, one_pool

LIBRARIES = ("numpy", "scipy", "numba", "llvmlite")
# Environment variables that affect which library computes, and how.
PREFIXES = (
    "SCRATCHGPT_",
    "NUMBA_",
    "OMP_",
    "GOMP_",
    "KMP_",
    "TBB_",
    "OPENBLAS_",
    "GOTO_",
    "MKL_",
    "BLIS_",
    "VECLIB_",
)


@dataclass(frozen=True)
class Blas:
    """A loaded BLAS library.

    Attributes
    ----------
    name, version : str
    architecture : str
        The processor architecture that its code is chosen for; empty if it is unknown.
    threads : int
    used_by : str
        The library that contains it, or its file.
    """

    name: str
    version: str
    architecture: str
    threads: int
    used_by: str


@dataclass(frozen=True)
class Cache:
    """The cache of compiled kernels.

    Attributes
    ----------
    folder : str
    n_bytes : int
    compiled : bool
        Whether all kernels for training are in the cache.
    problem : str or None
        Why kernels cannot be kept in the folder.
    """

    folder: str
    n_bytes: int
    compiled: bool
    problem: str | None


@dataclass(frozen=True)
class Measured:
    """The peak speed of the machine, see :func:`sgemm_speed` and :func:`read_bandwidth`."""

    sgemm_one_thread_gflop_per_s: float
    sgemm_gflop_per_s: float
    read_gb_per_s: float


@dataclass(frozen=True)
class Findings:
    """The result of :func:`examine`.

    Attributes
    ----------
    system : str
        Operating system and architecture.
    versions : dict of str to str or None
        Versions of Python and of the libraries; None for a library that is not installed.
    kernels : {"on", "off", "missing", "untested", "broken"}
        Whether the compiled kernels are used. ``"off"``: they are switched off. ``"missing"``:
        Numba is not installed. ``"untested"``: its version is untested. ``"broken"``: it fails with
        ``kernels_error``.
    kernels_error : str or None
    blas : tuple of Blas
    threading_layer : str or None
        Numba's threading layer: omp, tbb or workqueue.
    cores, threads : int
        Number of cores that this process may use, and number of threads that compute.
    load_average : float or None
        Average number of runnable processes in the last minute, before any measurement.
    processor : str
    vectors : tuple of str
        The vector extensions of the processor, out of AVX-512, AVX2, FMA, SVE and Neon.
    compiled_for : str or None
        The processor that LLVM compiles for.
    compiled_vectors : tuple of str
        The extensions in ``vectors`` that LLVM may use.
    cache : Cache or None
        None without Numba.
    environment : dict of str to str
        Environment variables that affect the computation.
    measured : Measured or None
    """

    system: str
    versions: dict[str, str | None]
    kernels: str
    kernels_error: str | None
    blas: tuple[Blas, ...]
    threading_layer: str | None
    cores: int
    threads: int
    load_average: float | None
    processor: str
    vectors: tuple[str, ...]
    compiled_for: str | None
    compiled_vectors: tuple[str, ...]
    cache: Cache | None
    environment: dict[str, str]
    measured: Measured | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(*, measure: bool = True, seconds: float = 1.0) -> Findings:
    """Examine the machine and its libraries.

    Parameters
    ----------
    measure : bool
        Whether to measure the speed of matrix products and of memory.
    seconds : float
        Duration of each of the three measurements.
    """
    # Examine first what changes when kernels are loaded or run.
    environment = {k: v for k, v in sorted(os.environ.items()) if k.startswith(PREFIXES)}
    load_average = None
    with contextlib.suppress(AttributeError, OSError):  # not on every system
        load_average = os.getloadavg()[0]
    installed = {name: _version(name) for name in LIBRARIES}
    cache = _cache() if installed["numba"] else None
    state, error, layer = _try_kernels(installed["numba"] is not None)

    measured = None
    with contextlib.ExitStack() as stack:
        if state == "broken":
            stack.enter_context(disabled())
        stack.enter_context(one_pool())
        if measure:
            measured = Measured(
                sgemm_speed(1, seconds=seconds) / 1e9,
                sgemm_speed(seconds=seconds) / 1e9,
                read_bandwidth(seconds=seconds) / 1e9,
            )
        threads = n_threads_in_use()
        blas = _blas()
    compiled_for, compiled_vectors = compilation_target() if installed["llvmlite"] else (None, ())
    return Findings(
        system=f"{platform.system()} {platform.machine()}",
        versions={"python": platform.python_version(), **installed},
        kernels=state,
        kernels_error=error,
        blas=blas,
        threading_layer=layer,
        cores=n_cores(),
        threads=threads,
        load_average=load_average,
        processor=processor_name(),
        vectors=processor_vectors(),
        compiled_for=compiled_for,
        compiled_vectors=compiled_vectors,
        cache=cache,
        environment=environment,
        measured=measured,
    )


def _version(library: str) -> str | None:
    if importlib.util.find_spec(library) is None:
        return None
    return importlib.metadata.version(library)


def _try_kernels(installed: bool) -> tuple[str, str | None, str | None]:
    """Return the state of the kernels, their error, and the threading layer."""
    if not kernels_available():
        if not installed:
            return "missing", None, None
        allowed = os.environ.get("SCRATCHGPT_KERNELS", "on").lower() == "on"
        problem = untested_numba() if allowed else None
        return ("untested" if problem else "off"), problem, None
    try:
        return "on", None, threading_layer()
    except UserError:
        raise
    except Exception as error:  # report any error of Numba
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return "broken", lines[0], None


def _blas() -> tuple[Blas, ...]:
    """Return the loaded BLAS libraries; for NumPy's, use its build information as a fallback."""
    import numpy as np
    import scipy.linalg.cython_blas  # noqa: F401 (loads SciPy's BLAS, too)
    import threadpoolctl

    found = [
        Blas(
            pool["internal_api"],
            pool["version"] or "",
            pool.get("architecture") or "",
            pool["num_threads"],
            _owner(pool["filepath"]),
        )
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    ]
    if not found:
        built_with = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        found.append(Blas(built_with["name"], built_with.get("version", ""), "", 1, "NumPy"))
    return tuple(sorted(found, key=lambda blas: blas.used_by))


def _owner(path: str) -> str:
    """Return the library that contains a file: wheels of NumPy and SciPy have own folders."""
    parts = Path(path).parts
    for name in ("NumPy", "SciPy"):
        if any(part.split(".")[0] == name.lower() for part in parts):
            return name
    return Path(path).name


def _cache() -> Cache:
    from scratchgpt.kernels.compiler.cache import cache_folder, compiled_marker, problem_of

    folder = cache_folder()
    return Cache(
        folder=str(folder),
        n_bytes=folder_bytes(folder),
        compiled=compiled_marker().exists(),
        problem=problem_of(folder),
    )
