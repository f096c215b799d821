"""What computes on this machine, and how: libraries, processor, threads, compiled kernels."""

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scratchgpt.backend import kernels_available, untested_numba
from scratchgpt.errors import UserError
from scratchgpt.kernels import disabled
from scratchgpt.measure.machine import (
    n_threads_in_use,
    read_bandwidth,
    sgemm_speed,
    threading_layer,
)
from scratchgpt.measure.processor import (
    compilation_target,
    n_cores,
    processor_name,
    processor_vectors,
)
from scratchgpt.threads import one_pool

LIBRARIES = ("numpy", "scipy", "numba", "llvmlite")
# Environment variables that decide who computes, and how.
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
    """A library of matrix products that is loaded.

    Attributes
    ----------
    name, version : str
    architecture : str
        The processor that it works as if it had; empty where it does not say.
    threads : int
    used_by : str
        The library that brought it, or the file that it is in.
    """

    name: str
    version: str
    architecture: str
    threads: int
    used_by: str


@dataclass(frozen=True)
class Cache:
    """Where compiled kernels are kept.

    Attributes
    ----------
    folder : str
    n_bytes : int
    compiled : bool
        Whether all that training needs is there.
    writable : bool
    """

    folder: str
    n_bytes: int
    compiled: bool
    writable: bool


@dataclass(frozen=True)
class Measured:
    """What the machine can do at best, see :func:`sgemm_speed` and :func:`read_bandwidth`."""

    sgemm_one_thread_gflop_per_s: float
    sgemm_gflop_per_s: float
    read_gb_per_s: float


@dataclass(frozen=True)
class Findings:
    """What :func:`examine` found.

    Attributes
    ----------
    system : str
        Operating system and architecture.
    versions : dict of str to str or None
        Of Python and of the libraries; None for what is not installed.
    kernels : {"on", "off", "missing", "untested", "broken"}
        Whether the compiled kernels compute: they are switched off; Numba is missing; its version
        is untested, or it fails, as ``kernels_error`` says.
    kernels_error : str or None
    blas : tuple of Blas
    threading_layer : str or None
        What Numba runs its threads by: omp, tbb or workqueue.
    cores, threads : int
        How many this process may use, and how many threads compute.
    load_average : float or None
        Processes that wanted a core in the last minute, before anything was measured.
    processor : str
    vectors : tuple of str
        What the processor has of AVX-512, AVX2, FMA, SVE and Neon.
    compiled_for : str or None
        The processor that LLVM compiles for.
    compiled_vectors : tuple of str
        What it may use of ``vectors``.
    cache : Cache or None
        None without Numba.
    environment : dict of str to str
        The variables that have a say in all this.
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
    """Find out.

    Parameters
    ----------
    measure : bool
        Whether to measure the speed of matrix products and of memory.
    seconds : float
        How long each of the three measurements goes on.
    """
    # First what the kernels change when they are loaded, or load by being at work.
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
    """The state of the kernels, what is wrong with them, and the threading layer."""
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
    except Exception as error:  # whatever Numba finds amiss is what we want to know
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return "broken", lines[0], None


def _blas() -> tuple[Blas, ...]:
    """The libraries that are loaded; NumPy's by name where it is one that cannot be asked."""
    import numpy as np
    import scipy.linalg.cython_blas  # noqa: F401 (so that SciPy's is loaded, too)
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
    """NumPy and SciPy bring their own libraries, in folders named after them."""
    parts = Path(path).parts
    for name in ("NumPy", "SciPy"):
        if any(part.split(".")[0] == name.lower() for part in parts):
            return name
    return Path(path).name


def _cache() -> Cache:
    from scratchgpt.kernels.compiler.cache import cache_folder
    from scratchgpt.training.compilation import MARKER

    folder = cache_folder()
    n_bytes = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            with contextlib.suppress(OSError):  # another process may be at work there
                n_bytes += os.path.getsize(os.path.join(parent, file))
    return Cache(
        folder=str(folder),
        n_bytes=n_bytes,
        compiled=(folder / MARKER).exists(),
        writable=_writable(folder),
    )


def _writable(folder: Path) -> bool:
    """Whether a file can be made in the folder, tried as Numba tries it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
