"""Teams of threads that run many short stages of work inside one parallel loop.

Every parallel loop wakes its threads and waits for them, which takes some ten microseconds. A token
of a small model has sixty stages of that length. Therefore one parallel loop contains all stages:
one thread is the leader, the others are followers. The leader opens a stage, all threads take
pieces of it until none are left, and when all pieces are done the leader opens the next stage.

The open stage and its next piece are packed in one number, so that a thread that takes a piece also
reads its stage. The first thread to arrive is the leader, and it can do all work alone: threads
that arrive late, or never, cost time but not correctness. The bits of a piece do not depend on the
thread that computes it.
"""

import ctypes
import functools
import os
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import part

# Indices in the array of a team, each on a separate cache line.
OPEN, DONE, ARRIVALS, YIELD, SIZE = 0, 8, 16, 24, 32
PIECE_BITS = 32
PIECE_MASK = (1 << PIECE_BITS) - 1
OVER = 1 << 30  # number of the stage after the last
PATIENCE = 2_000  # polls before the core is offered to other threads


def new_team() -> Array:
    """Return the state that the threads of a team share."""
    team = np.zeros(SIZE, np.int64)
    team[YIELD] = _yield_address()
    return team


@functools.cache
def _yield_address() -> int:
    """Return the address of the operating system's yield function, or 0 if it is unknown."""
    if os.name == "nt":
        function: Any = ctypes.WinDLL("kernel32").SwitchToThread  # type: ignore[attr-defined]
    else:
        function = getattr(ctypes.CDLL(None), "sched_yield", None)
    return ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0


@intrinsic
def _add(typing_context, address, value):
    """Add to the number at an address, atomically; return the old value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", pointer, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _read(typing_context, address):
    """Read the number at an address atomically."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), generate


@intrinsic
def _write(typing_context, address, value):
    """Write a number atomically; other threads see all earlier writes before it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store_atomic(arguments[1], pointer, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def _call(typing_context, address):
    """Call a C function without arguments."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = ir.FunctionType(ir.IntType(32), [])
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@part
def _at(team, place):
    return team.ctypes.data + 8 * place


@part
def wait(team, n_polls):
    """Back off between polls; return the new number of polls."""
    if n_polls >= PATIENCE and team[YIELD] != 0:
        _call(team[YIELD])
    return n_polls + 1


@part
def join(team):
    """Join the team; return whether the calling thread is the leader."""
    return _add(_at(team, ARRIVALS), 1) == 0


@part
def open_stage(team, stage):
    """Let all threads take pieces of a stage; stages are numbered from 1."""
    _write(_at(team, OPEN), stage << PIECE_BITS)


@part
def close(team):
    """Signal that no more stages follow."""
    open_stage(team, OVER)


@part
def look(team):
    """Return the open stage and its next piece, without taking the piece."""
    now = _read(_at(team, OPEN))
    return now >> PIECE_BITS, now & PIECE_MASK


@part
def take(team):
    """Return the open stage and take its next piece, which is beyond the last if none is left."""
    now = _add(_at(team, OPEN), 1)
    return now >> PIECE_BITS, now & PIECE_MASK


@part
def report(team):
    """Report that a piece is done."""
    _add(_at(team, DONE), 1)


@part
def n_done(team):
    """Return the number of pieces done, over all stages."""
    return _read(_at(team, DONE))
