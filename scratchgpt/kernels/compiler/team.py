"""Threads that stay together through many short stages of work.

A parallel loop wakes its threads and waits for them, some ten microseconds each time. A token of a
small model is sixty stages of that length. So here one parallel loop spans them all: one of its
threads leads, the others follow. The leader opens a stage, everybody takes pieces of it until none
is left, and when all pieces are done the leader goes on.

The stage that is open and its next piece are one number, so that whoever takes a piece knows of
which stage it is. Whichever thread comes first leads and needs nobody: threads that come late, or
never, cost time but not correctness. Who computes a piece makes no difference to its bits.
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

# Places in the array of a team, on cache lines of their own.
OPEN, DONE, COMERS, GIVE_WAY, SIZE = 0, 8, 16, 24, 32
PIECE_BITS = 32
PIECE_MASK = (1 << PIECE_BITS) - 1
OVER = 1 << 30  # the stage after the last
PATIENCE = 2_000  # looks at what others do, before another process may have the core


def new_team() -> Array:
    """What the threads of a team share."""
    team = np.zeros(SIZE, np.int64)
    team[GIVE_WAY] = _give_way_address()
    return team


@functools.cache
def _give_way_address() -> int:
    """The function of the operating system that lets other threads run; 0 where none is known."""
    if os.name == "nt":
        function: Any = ctypes.WinDLL("kernel32").SwitchToThread  # type: ignore[attr-defined]
    else:
        function = getattr(ctypes.CDLL(None), "sched_yield", None)
    return ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0


@intrinsic
def _add(typing_context, address, value):
    """Add to the number at an address, whole; returns what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", pointer, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _read(typing_context, address):
    """The number at an address, as other threads left it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), generate


@intrinsic
def _write(typing_context, address, value):
    """Write a number for other threads to see, after all that was written before it."""

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
def wait(team, looks):
    """Between two looks at what others do; returns how many there were."""
    if looks >= PATIENCE and team[GIVE_WAY] != 0:
        _call(team[GIVE_WAY])
    return looks + 1


@part
def join(team):
    """Whether the calling thread leads."""
    return _add(_at(team, COMERS), 1) == 0


@part
def open_stage(team, stage):
    """Let everybody take pieces of a stage, a number from 1 on."""
    _write(_at(team, OPEN), stage << PIECE_BITS)


@part
def close(team):
    """There are no more stages."""
    open_stage(team, OVER)


@part
def look(team):
    """The stage that is open and its next piece, which the caller has not got by that."""
    now = _read(_at(team, OPEN))
    return now >> PIECE_BITS, now & PIECE_MASK


@part
def take(team):
    """The stage that is open, and a piece of it that is the caller's, if there is one left."""
    now = _add(_at(team, OPEN), 1)
    return now >> PIECE_BITS, now & PIECE_MASK


@part
def report(team):
    """A piece is done."""
    _add(_at(team, DONE), 1)


@part
def n_done(team):
    """Pieces that are done, of all stages together."""
    return _read(_at(team, DONE))
