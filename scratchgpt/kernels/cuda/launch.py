"""Compilation of the CUDA sources, and launches of their kernels."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.utf8 import read_text

THREADS = 256  # of every block
MOST_BLOCKS = 1 << 16  # of a kernel that strides over its elements

FOLDER = Path(__file__).parent


def source() -> str:
    """Return the whole CUDA source."""
    paths = [FOLDER / "common.cuh", *sorted(FOLDER.glob("*.cu"))]
    return "\n".join(map(read_text, paths))


def options(dtype: np.dtype[Any]) -> tuple[str, ...]:
    """Return the definitions that the source needs, as options of the compiler."""
    return f"-DREAL={'float' if dtype == np.float32 else 'double'}", f"-DTHREADS={THREADS}"


@functools.cache
def module(dtype: np.dtype[Any]) -> Any:
    """Return the compiled source for float32 or float64."""
    import cupy

    return cupy.RawModule(code=source(), options=("-std=c++17", *options(dtype)))


def by_element(name: str, x: Array, *arguments: Any) -> None:
    """Launch a kernel with about one thread per element of ``x``."""
    blocks = min(-(-x.size // THREADS), MOST_BLOCKS)
    module(x.dtype).get_function(name)((blocks,), (THREADS,), arguments)


def by_block(name: str, dtype: Any, blocks: tuple[int, ...], *arguments: Any) -> None:
    """Launch a kernel on a grid of blocks, for example with one block per row."""
    module(dtype).get_function(name)(blocks, (THREADS,), arguments)
