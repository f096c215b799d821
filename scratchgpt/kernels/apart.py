"""Pieces that are compiled once, and called by their address.

Numba makes the code of a piece anew in whatever calls it, and a parallel loop is four functions one
around the other: a large piece inside it would be optimised and translated five times over, which
is most of the wait before the first step. So the loop is handed the address of such a piece.
"""

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from scratchgpt.backend import Array

__all__ = ["address_of", "call"]


def address_of(piece: Any, examples: Callable[..., tuple[Any, ...]]) -> Callable[[Array], int]:
    """A function that knows where ``piece``, compiled for the dtype of an array, lies.

    Parameters
    ----------
    piece : compiled function
        One that returns nothing.
    examples : callable
        Called with an empty array (0,) of that dtype, it returns arguments of the types that
        ``piece`` is called with.
    """

    @functools.cache
    def find(dtype: np.dtype[Any]) -> int:
        argument_types = [numba.typeof(x) for x in examples(np.empty(0, dtype))]
        compiled = piece.get_compile_result(types.none(*argument_types))
        return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))

    return lambda like: find(like.dtype)


def _plain(kind: types.Type) -> types.Type:
    """The type itself; of an array the one that says no more than element, axes and layout.

    Whether it may be written to and how its memory is aligned changes nothing in how it is passed.
    """
    return (
        types.Array(kind.dtype, kind.ndim, kind.layout) if isinstance(kind, types.Array) else kind
    )


@intrinsic
def call(typing_context, piece, address, arguments):
    """Call ``piece``, which lies at an address, with a tuple of arguments.

    While it is compiled, it is checked that the piece at the address takes arguments of these
    types.
    """
    argument_types = tuple(_plain(x) for x in arguments.types)
    if argument_types not in piece.dispatcher.overloads:
        taken = list(piece.dispatcher.overloads)
        raise TypeError(f"called with {argument_types}, but compiled for {taken}")

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        convention = context.call_conv
        function = convention.get_function_type(types.none, argument_types)
        pointer = builder.inttoptr(values[1], function.as_pointer())
        unpacked = cgutils.unpack_tuple(builder, values[2], len(argument_types))
        status, _ = convention.call_function(builder, pointer, types.none, argument_types, unpacked)
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.none(piece, types.int64, arguments), generate
