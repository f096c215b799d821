"""Advice on how to run faster, derived only from the findings."""

from collections.abc import Iterator

from scratchgpt.measure.findings import Blas, Findings

BUSY = 0.25  # fraction of the cores that other programs use
GOOD_BLAS = ("openblas", "mkl", "blis", "accelerate", "armpl", "nvpl")
# OpenBLAS's names of architectures, best first; architectures not listed have no AVX2.
AVX512_CORES = {"skylakex", "cooperlake", "sapphirerapids"}
AVX2_CORES = {"haswell", "zen", "excavator"}
THREAD_LIMITS = ("SCRATCHGPT_THREADS", "NUMBA_NUM_THREADS")
BLAS_THREAD_LIMITS = (
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OMP_NUM_THREADS",
)


def advice(findings: Findings) -> list[str]:
    """Return advice of one or two sentences each, most important first; empty if all is well."""
    return [
        *_on_kernels(findings),
        *_on_threads(findings),
        *_on_blas(findings),
        *_on_vectors(findings),
        *_on_precision(findings),
        *_on_cache(findings),
        *_on_load(findings),
    ]


def _on_kernels(found: Findings) -> Iterator[str]:
    if found.kernels == "missing":
        yield (
            "Numba is not installed, so plain NumPy computes everything: training takes about one "
            "and a half times as long, generation two to three times; pip install numba"
        )
    elif found.kernels == "off":
        yield (
            "SCRATCHGPT_KERNELS=off switches the compiled kernels off: training takes about one "
            "and a half times as long, generation two to three times; unset it"
        )
    elif found.kernels == "untested":
        yield f"{found.kernels_error}"
    elif found.kernels == "broken":
        ours = _set(found, tuple(n for n in found.environment if n.startswith("NUMBA_")))
        yield (
            f"the compiled kernels do not run ({found.kernels_error}); "
            + (f"unset {ours}, or " if ours else "")
            + "set SCRATCHGPT_KERNELS=off to run without them"
        )


def _on_threads(found: Findings) -> Iterator[str]:
    if found.threading_layer == "workqueue":
        chosen = _set(found, ("NUMBA_THREADING_LAYER", "NUMBA_THREADING_LAYER_PRIORITY"))
        yield (
            "Numba runs its threads with its own work queue, the slowest option; for OpenMP "
            + (f"unset {chosen}" if chosen else "install its runtime library (libgomp or libomp)")
        )
    if found.threads < found.cores and found.kernels != "broken":
        limits = THREAD_LIMITS if found.kernels == "on" else BLAS_THREAD_LIMITS
        set_to = _set(found, limits)
        yield (
            f"{found.threads} of {found.cores} cores are used"
            + (f"; unset {set_to}" if set_to else "; train and generate use more with --threads")
        )


def _on_blas(found: Findings) -> Iterator[str]:
    for blas in found.blas:
        if not any(name in blas.name.lower() for name in GOOD_BLAS):
            yield (
                f"{blas.used_by} multiplies matrices with {blas.name or 'an unknown BLAS'}; the "
                "wheels from PyPI (pip install numpy scipy) contain OpenBLAS"
            )
    # SciPy's BLAS matters only here: training and generation do not call it.
    busy = [blas for blas in found.blas if blas.threads > 1 and blas.used_by != "SciPy"]
    if found.kernels == "on" and busy:
        limits = {"openblas": BLAS_THREAD_LIMITS[0], "mkl": "MKL_NUM_THREADS"}
        limit = limits.get(busy[0].name, "OMP_NUM_THREADS")
        yield (
            f"the BLAS of {_names(busy)} runs its own threads, which compete with Numba's; "
            f"set {limit}=1"
        )
    slow = [
        blas
        for blas in found.blas
        if blas.name == "openblas"
        and blas.architecture
        and _level(blas.architecture) < _needed_level(found)
    ]
    if slow:
        forced = _set(found, ("OPENBLAS_CORETYPE",))
        yield (
            f"the OpenBLAS of {_names(slow)} runs code for {slow[0].architecture}, without the "
            f"{'AVX-512' if 'avx512f' in found.vectors else 'AVX2'} of this processor; "
            + (f"unset {forced}" if forced else "a newer NumPy and SciPy may support it")
        )


def _on_vectors(found: Findings) -> Iterator[str]:
    unused = [v for v in ("avx512f", "avx2") if v in found.vectors]
    unused = [v for v in unused if found.compiled_for and v not in found.compiled_vectors]
    if unused and found.kernels == "on":
        names = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX")
        yield (
            f"the kernels are compiled for {found.compiled_for!r}, without "
            f"{' and '.join(_spelled(v) for v in unused)}"
            + (f"; unset {limit}" if (limit := _set(found, names)) else "")
        )
    if _is_x86(found) and found.vectors and "avx2" not in found.vectors:
        yield "this processor has no AVX2; one that has it computes two to four times as fast"


def _on_precision(found: Findings) -> Iterator[str]:
    if found.kernels == "on" and "avx512bf16" in found.compiled_vectors:
        yield (
            "this processor multiplies bfloat16 twice as fast as float32: train with "
            "--precision bf16 if eight significant bits per factor are enough"
        )


def _on_cache(found: Findings) -> Iterator[str]:
    cache = found.cache
    if cache is None or found.kernels not in ("on", "broken"):
        return
    if cache.problem is not None:
        yield (
            f"kernels are compiled in every run and not kept: {cache.folder}: {cache.problem}; set "
            "NUMBA_CACHE_DIR to a folder of your own"
        )
    elif not cache.compiled and found.kernels == "on":
        yield "the kernels are not compiled yet; the next run of train compiles them once"


def _on_load(found: Findings) -> Iterator[str]:
    if found.load_average is not None and found.load_average > BUSY * found.cores:
        yield (
            f"other programs use the processor (load average {found.load_average:.1f} on "
            f"{found.cores} cores)"
            + (", so the speeds measured here may be too low" if found.measured else "")
        )


def _set(found: Findings, names: tuple[str, ...]) -> str:
    """Return the names of the variables that are set, separated by commas."""
    return ", ".join(name for name in names if name in found.environment)


def _names(libraries: list[Blas]) -> str:
    return " and ".join(blas.used_by for blas in libraries)


def _is_x86(found: Findings) -> bool:
    return found.system.split()[-1].lower() in ("x86_64", "amd64", "i686", "i386")


def _spelled(vector: str) -> str:
    return {"avx512f": "AVX-512", "avx2": "AVX2"}[vector]


def _level(architecture: str) -> int:
    core = architecture.lower()
    return 2 if core in AVX512_CORES else 1 if core in AVX2_CORES else 0


def _needed_level(found: Findings) -> int:
    return 2 if "avx512f" in found.vectors else 1 if "avx2" in found.vectors else 0
