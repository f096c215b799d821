"""Memory by its address, so that one compiled kernel serves arrays of any layout."""

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
def bring(source, target):
    """Copy an array over another of the same size, both C-contiguous, unless it is that one.

    A loop over the other alone is made of vectors. One that reads the first and writes the second
    runs number by number where the two are one array, lest they overlap in another way.
    """
    if source.ctypes.data != target.ctypes.data:
        copy(target.ctypes.data, source.ctypes.data, source.size * source.itemsize)


@intrinsic
def clear(typing_context, target, n_bytes):
    """Write zeros; as floating-point numbers they are 0 too."""
    signature = types.void(types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, n_bytes = arguments
        cgutils.memset(builder, _pointer(builder, target), n_bytes, 0)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def vector(typing_context, like, address, n):
    """The n numbers at an address as an array (n,), of the dtype of ``like``."""
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
    """Ask for the cache line at an address, which need not exist, ahead of its use."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(builder, arguments[0])
        hints = [ir.Constant(ir.IntType(32), value) for value in (0, 3, 1)]
        call(builder, "llvm.prefetch.p0", ir.VoidType(), pointer, *hints)
        return context.get_dummy_value()

    return types.void(types.int64), generate
