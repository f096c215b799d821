"""Advice from findings, case by case: every problem is reported, and nothing else."""

from dataclasses import replace

import pytest

from scratchgpt.measure import Findings, advice
from scratchgpt.measure.findings import Blas, Cache, Measured

OPENBLAS = Blas("openblas", "0.3.30", "SkylakeX", 1, "NumPy")
CACHE = Cache("/home/somebody/.cache", 15_000_000, compiled=True, problem=None)
AVX512 = ("avx512f", "avx2", "fma")
WELL = Findings(
    system="Linux x86_64",
    versions={"python": "3.12.1", "numpy": "2.4", "numba": "0.68"},
    kernels="on",
    kernels_error=None,
    blas=(OPENBLAS,),
    threading_layer="omp",
    cores=8,
    threads=8,
    load_average=0.3,
    processor="a processor",
    vectors=AVX512,
    compiled_for="znver4",
    compiled_vectors=AVX512,
    cache=CACHE,
    environment={},
    measured=Measured(100.0, 700.0, 50.0),
)


def blas(**changes):
    return {"blas": (replace(OPENBLAS, **changes),)}


def cache(**changes):
    return {"cache": replace(CACHE, **changes)}


def without_kernels(state, **changes):
    blas = (replace(OPENBLAS, threads=8),)
    return {"kernels": state, "blas": blas, "threading_layer": None, **changes}


CASES = {
    "Numba is missing": (without_kernels("missing", cache=None), "pip install numba"),
    "kernels off": (without_kernels("off"), "SCRATCHGPT_KERNELS=off"),
    "Numba is untested": (
        without_kernels("untested", kernels_error="Numba 0.99 is untested; pip install"),
        "Numba 0.99 is untested; pip install",
    ),
    "kernels fail": (
        {"kernels": "broken", "kernels_error": "no threading layer"},
        "(no threading layer); set SCRATCHGPT_KERNELS=off",
    ),
    "kernels fail by a setting": (
        {
            "kernels": "broken",
            "kernels_error": "no threading layer",
            "environment": {"NUMBA_THREADING_LAYER": "tbb"},
        },
        "unset NUMBA_THREADING_LAYER, or",
    ),
    "no OpenMP": ({"threading_layer": "workqueue"}, "libgomp"),
    "no OpenMP by a setting": (
        {"threading_layer": "workqueue", "environment": {"NUMBA_THREADING_LAYER": "workqueue"}},
        "unset NUMBA_THREADING_LAYER",
    ),
    "bfloat16": ({"compiled_vectors": (*AVX512, "avx512bf16")}, "train with --precision bf16"),
    "few threads": (
        {"threads": 2, "environment": {"SCRATCHGPT_THREADS": "2"}},
        "2 of 8 cores are used; unset SCRATCHGPT_THREADS",
    ),
    "few threads for no known reason": ({"threads": 2}, "--threads"),
    "few threads of BLAS": (
        without_kernels("off", threads=1, environment={"OPENBLAS_NUM_THREADS": "1"}),
        "unset OPENBLAS_NUM_THREADS",
    ),
    "the reference BLAS": (blas(name="netlib", architecture=""), "OpenBLAS"),
    "threads of BLAS": (blas(threads=8), "set OPENBLAS_NUM_THREADS=1"),
    "threads of MKL": (blas(name="mkl", threads=8, architecture=""), "set MKL_NUM_THREADS=1"),
    "an old core for OpenBLAS": (
        {**blas(architecture="Haswell"), "environment": {"OPENBLAS_CORETYPE": "Haswell"}},
        "without the AVX-512 of this processor; unset OPENBLAS_CORETYPE",
    ),
    "an older core for OpenBLAS": (
        {
            **blas(architecture="Katmai"),
            "vectors": ("avx2", "fma"),
            "compiled_vectors": ("avx2", "fma"),
            "environment": {"OPENBLAS_CORETYPE": "Prescott"},
        },
        "without the AVX2 of this processor; unset OPENBLAS_CORETYPE",
    ),
    "a processor that OpenBLAS does not know": (blas(architecture="Zen"), "newer NumPy and SciPy"),
    "LLVM told to use less": (
        {
            "compiled_for": "generic",
            "compiled_vectors": (),
            "environment": {"NUMBA_CPU_NAME": "generic"},
        },
        "without AVX-512 and AVX2; unset NUMBA_CPU_NAME",
    ),
    "an old processor": (
        {"vectors": ("fma",), "compiled_vectors": ("fma",), **blas(architecture="Nehalem")},
        "has no AVX2",
    ),
    "no cache": (cache(problem="it cannot be written", compiled=False), "NUMBA_CACHE_DIR"),
    "no cache, so no kernels": (
        {
            "kernels": "broken",
            "kernels_error": "no locator",
            **cache(problem="it cannot be written"),
        },
        "NUMBA_CACHE_DIR",
    ),
    "nothing compiled": (cache(compiled=False, n_bytes=0), "not compiled yet"),
    "others at work": ({"load_average": 2.1}, "load average 2.1 on 8 cores"),
}


def told(changes):
    return advice(replace(WELL, **changes))


def test_without_problems_there_is_no_advice():
    assert advice(WELL) == []


@pytest.mark.parametrize("case", CASES)
def test_each_problem_is_reported(case):
    changes, expected = CASES[case]
    assert expected in "\n".join(told(changes))


@pytest.mark.parametrize("case", [case for case in CASES if "so no kernels" not in case])
def test_nothing_else_is_reported(case):
    # Without kernels, BLAS with few threads gives two pieces of advice.
    several = {"few threads of BLAS": 2}
    assert len(told(CASES[case][0])) == several.get(case, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"threading_layer": "tbb"},
        {"load_average": None},
        {"load_average": 1.9},
        {"threads": 16},
        {"environment": {"OPENBLAS_CORETYPE": "SkylakeX", "NUMBA_CPU_NAME": "znver4"}},
        blas(architecture="Cooperlake"),
        blas(threads=8, used_by="SciPy"),
        blas(architecture=""),
        blas(name="accelerate", architecture=""),
        blas(name="scipy-openblas", architecture=""),
        {**blas(architecture="Zen"), "vectors": ("avx2",), "compiled_vectors": ("avx2",)},
        {"vectors": (), "compiled_vectors": (), "compiled_for": None},
        {
            "system": "Darwin arm64",
            "vectors": ("neon",),
            "compiled_vectors": ("neon",),
            **blas(name="accelerate", architecture=""),
        },
        {
            "system": "Linux aarch64",
            "vectors": ("sve", "neon"),
            "compiled_vectors": ("neon",),
            **blas(architecture="neoversev1"),
        },
    ],
    ids=str,
)
def test_equally_good_setups_give_no_advice(changes):
    assert told(changes) == []


def test_load_mentions_measurements_only_if_there_are_any():
    assert "measured" in told({"load_average": 5.0})[0]
    assert "measured" not in told({"load_average": 5.0, "measured": None})[0]


def test_libraries_with_the_same_problem_are_reported_together():
    two = tuple(replace(OPENBLAS, architecture="Zen", used_by=name) for name in ("NumPy", "SciPy"))
    (hint,) = told({"blas": two})
    assert "NumPy and SciPy" in hint
