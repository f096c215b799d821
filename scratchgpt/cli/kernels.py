"""The number of threads and the compilation of kernels, for all verbs that compute."""

import os
from typing import Annotated

import typer

from scratchgpt.cli.console import message

Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Number of threads; by default one per core.",
        show_default=False,
    ),
]


def prepare_kernels(threads: int | None, precision: str = "float32") -> None:
    """Set the number of threads before anything computes, and compile the kernels if necessary."""
    from scratchgpt.backend import kernels_available

    emulated = precision == "bf16"
    if threads is not None:
        os.environ["SCRATCHGPT_THREADS"] = str(threads)
    if kernels_available():
        from scratchgpt.kernels.compiler.cpu import HAS_BFLOAT16_DOT
        from scratchgpt.kernels.compiler.threads import set_threads
        from scratchgpt.training.compilation import ensure_compiled

        if threads is not None:
            set_threads(threads)
        ensure_compiled(precision)
        emulated = emulated and not HAS_BFLOAT16_DOT
    elif threads is not None:
        import threadpoolctl

        threadpoolctl.threadpool_limits(threads, user_api="blas")
    if emulated:
        message(
            "bf16 is emulated here, and slower than float32: fast bf16 needs the compiled kernels "
            "and a processor with AVX-512 BF16"
        )
