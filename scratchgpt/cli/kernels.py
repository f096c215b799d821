"""The number of threads and the compilation of kernels, for all verbs that compute."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.completion import complete
from scratchgpt.cli.console import byte_count, message
from scratchgpt.cli.workers import threads_of
from scratchgpt.errors import UserError

if TYPE_CHECKING:
    from scratchgpt.training.workers import Workers

# With less, libraries that run native code hang or end the process while they are loaded.
LEAST_ADDRESS_SPACE = 600_000_000

Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Number of threads; by default one per core.",
        show_default=False,
    ),
]


Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="Where to compute: cpu, cuda (an NVIDIA GPU, with CuPy), or cuda:1 for the second "
        "GPU.",
        autocompletion=complete(lambda: ("cpu", "cuda")),
    ),
]


def prepare_kernels(
    threads: int | None,
    precision: str = "float32",
    workers: "Workers | None" = None,
    device: str = "cpu",
) -> None:
    """Set the number of threads before anything computes, and compile the kernels if necessary.

    Of several workers, one on each machine compiles. A GPU needs neither.
    """
    if device != "cpu":
        return
    from scratchgpt.backend import kernels_available
    from scratchgpt.training.workers import ALONE, one_first

    _check_address_space()
    emulated = precision == "bf16"
    if workers is not None:
        threads = threads_of(workers, threads)
    if threads is not None:
        os.environ["SCRATCHGPT_THREADS"] = str(threads)
    if kernels_available():
        from scratchgpt.kernels.compiler.cpu import HAS_BFLOAT16_DOT
        from scratchgpt.kernels.compiler.threads import set_threads
        from scratchgpt.training.compilation import ensure_compiled

        if threads is not None:
            set_threads(threads)
        with one_first(workers or ALONE):
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


def _check_address_space() -> None:
    """Raise UserError if ``ulimit -v`` leaves too little for the libraries that compute."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE:
        raise UserError(
            f"this process may use {byte_count(limit)} of address space, too little to compute; "
            f"allow at least {byte_count(LEAST_ADDRESS_SPACE)} (ulimit -v)"
        )
