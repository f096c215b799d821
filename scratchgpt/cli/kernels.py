"""What the verbs that compute share: how many threads, and kernels that are ready."""

import os
import sys
from typing import Annotated

import typer

Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Threads to use; by default one a core.",
        show_default=False,
    ),
]


def prepare_kernels(threads: int | None, precision: str = "float32") -> None:
    """Settle the number of threads, before anything computes; compile what is not compiled yet."""
    from scratchgpt.backend import kernels_available

    imitated = precision == "bf16"
    if threads is not None:
        os.environ["SCRATCHGPT_THREADS"] = str(threads)
    if kernels_available():
        from scratchgpt.kernels.compiler.cpu import HAS_BFLOAT16_DOT
        from scratchgpt.kernels.compiler.threads import set_threads
        from scratchgpt.training.compilation import ensure_compiled

        if threads is not None:
            set_threads(threads)
        ensure_compiled(lambda text: print(text, file=sys.stderr), precision)
        imitated = imitated and not HAS_BFLOAT16_DOT
    elif threads is not None:
        import threadpoolctl

        threadpoolctl.threadpool_limits(threads, user_api="blas")
    if imitated:
        print(
            "bf16 is imitated here, and slower than float32: it takes a processor with AVX-512 "
            "BF16, and the compiled kernels",
            file=sys.stderr,
        )


def tell_of_compiling(module: str) -> None:
    """Say why the first answer takes so long, where the kernels of a module are not kept yet.

    For kernels that are compiled when they are first called, one after the other.
    """
    from scratchgpt.backend import kernels_available

    if kernels_available(float):
        from scratchgpt.kernels.compiler.cache import has_compiled

        if not has_compiled(module):
            print("compiling kernels (first run only) ...", file=sys.stderr)
