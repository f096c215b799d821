"""Memory access by address, so that one compiled kernel serves arrays of any layout."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.compiler.llvm import call


def _pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, ir.IntType(8).as_pointer())


@intrinsic
def copy(typing_context, target, source, n_bytes):
    """Copy bytes from one address to another."""
    signature = types.void(types.int64, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, source = (_pointer(builder, x) for x in arguments[:2])
        cgutils.raw_memcpy(builder, target, source, arguments[2], 1)
        return context.get_dummy_value()

    return signature, generate


@part
def copy_into(target, source):
    """Copy ``source`` to ``target``, unless both are the same array.

    Both are C-contiguous and of the same size. After the copy, a loop over ``target`` alone is
    vectorized. A loop that reads ``source`` and writes ``target`` would run element by element if
    both are the same array, because its check for overlap cannot tell that from other overlaps.
    """
    if source.ctypes.data != target.ctypes.data:
        copy(target.ctypes.data, source.ctypes.data, source.size * source.itemsize)


@intrinsic
def clear(typing_context, target, n_bytes):
    """Set bytes to zero, which is also 0.0 in floating point."""
    signature = types.void(types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, n_bytes = arguments
        cgutils.memset(builder, _pointer(builder, target), n_bytes, 0)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def vector(typing_context, like, address, n):
    """Return the n numbers at an address as an array (n,) of the dtype of ``like``."""
    array_type = types.Array(like.dtype, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, address, n = arguments
        array = context.make_array(array_type)(context, builder)
        itemsize = context.get_constant(types.intp, like.dtype.bitwidth // 8)
        populate_array(
            array,
            data=builder.inttoptr(address, array.data.type),
            shape=cgutils.pack_array(builder, [n]),
            strides=cgutils.pack_array(builder, [itemsize]),
            itemsize=itemsize,
            meminfo=None,
        )
        return array._getvalue()

    return array_type(like, types.int64, types.int64), generate


@intrinsic
def prefetch(typing_context, address):
    """Prefetch the cache line at an address; the address need not be valid."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(builder, arguments[0])
        hints = [ir.Constant(ir.IntType(32), value) for value in (0, 3, 1)]
        call(builder, "llvm.prefetch.p0", ir.VoidType(), pointer, *hints)
        return context.get_dummy_value()

    return types.void(types.int64), generate
