"""Ahead-of-time compilation of the kernels that training needs, into the cache on disk.

Numba compiles a function on its first call. One after another, the functions take a quarter of a
minute. Here several processes each call some of the functions on tiny arrays, and write the result
to their shared cache.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from scratchgpt.backend import Array, kernels_available
from scratchgpt.kernels.compiler.cache import compiled_marker, usable_folder
from scratchgpt.ops import (
    attention,
    cross_entropy,
    dropout,
    embedding,
    gelu,
    layer_norm,
    linear,
)
from scratchgpt.precision import products_in


def ensure_compiled(precision: str = "float32") -> None:
    """Compile the kernels that are not in the cache yet; cheap if all of them are.

    Parameters
    ----------
    precision : {"float32", "bf16", "tf32"}
        Precision of the training that follows.
    """
    if not kernels_available():
        return
    from scratchgpt.kernels.compiler.events import say_compiling

    needed = {compiled_marker(): PARTS}
    if precision == "bf16":
        needed[compiled_marker("compiled-bf16")] = BFLOAT16_PARTS
    missing = {marker: parts for marker, parts in needed.items() if not marker.exists()}
    if not missing:
        return
    say_compiling()
    # The pipe closes when this process ends, however it ends; see _end_with_parent.
    reader, writer = os.pipe()
    try:
        processes = {marker: [_start(name, reader) for name in p] for marker, p in missing.items()}
        for marker, group in processes.items():
            succeeded = [process.wait() == 0 for process in group]
            # A kernel that could not be compiled or cached here raises its own error when called.
            with suppress(OSError):
                if all(succeeded) and usable_folder() is not None:
                    marker.touch()
    finally:
        os.close(reader)
        os.close(writer)


def _start(name: str, pipe: int) -> "subprocess.Popen[bytes]":
    """Start a process that compiles a part; in its own session, it does not receive Ctrl-C."""
    command = [sys.executable, "-m", "scratchgpt.training.compilation", name]
    return subprocess.Popen(command, start_new_session=True, stdin=pipe)


def _end_with_parent() -> None:
    """End this process when the pipe to its parent closes, because the parent has ended."""

    def wait() -> None:
        os.read(0, 1)  # a read of sys.stdin would be an error when Python ends
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _ones(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def _heads() -> Array:
    """Return queries, keys and values as in a model: views (B, H, T, D) of one array."""
    return _ones(1, 8, 3, 2, 4).transpose(2, 0, 3, 1, 4)


# The parts take about the same time; all attention kernels are in one part.


def _first_part() -> None:
    from scratchgpt.kernels import adamw

    q, k, v = _heads()
    y, flash = attention.attention_forward(q, k, v, causal=True)
    attention.attention_backward(y, flash)
    y, embedding_saved = embedding.embedding_forward(np.zeros(2, np.int64), _ones(3, 4))
    embedding.embedding_backward(y, embedding_saved)
    adamw.sum_of_squares(_ones(9))
    flat = [_ones(9) for _ in range(4)]
    adamw.adamw_step(
        *flat, n_decay=3, betas=(0.9, 0.9), gains=(1.0, 1.0), keep=1.0, step_size=1.0, eps=1.0
    )


def _second_part() -> None:
    y, linear_saved = linear.linear_forward(_ones(2, 4), _ones(4, 4), _ones(4))
    linear.linear_backward(y, linear_saved)
    y, gelu_saved = gelu.gelu_forward(y, "tanh")
    gelu.gelu_backward(y, gelu_saved)
    y, norm_saved = layer_norm.layer_norm_forward(y, _ones(4), _ones(4))
    layer_norm.layer_norm_backward(y, norm_saved)
    _, loss_saved = cross_entropy.cross_entropy_forward(y, np.zeros(2, np.int64))
    cross_entropy.cross_entropy_backward(1.0, loss_saved)
    dropout.dropout_forward(y, 0.5, seed=1)


def _bfloat16_part() -> None:
    with products_in("bf16"):
        linear.linear_forward(_ones(2, 4), _ones(4, 4))


PARTS: dict[str, Callable[[], None]] = {"first": _first_part, "second": _second_part}
BFLOAT16_PARTS: dict[str, Callable[[], None]] = {"bf16": _bfloat16_part}


if __name__ == "__main__":
    _end_with_parent()
    logging.disable()  # the parent process says that kernels are being compiled
    os.environ.setdefault("SCRATCHGPT_THREADS", "1")
    {**PARTS, **BFLOAT16_PARTS}[sys.argv[1]]()
