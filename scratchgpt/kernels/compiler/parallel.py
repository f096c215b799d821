"""Parallel loops: a kernel is the body of such a loop, compiled once and called by address.

With ``prange``, Numba compiles four nested functions that all contain the body, and the code around
the body takes half a second to compile. Here the body is a separate function. The code around it is
minimal: a function that stores the arguments on its stack and runs the threads on their shares. It
starts the threads like ``prange``, with the C function ``numba_parallel_for``.
"""

from types import FunctionType
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from scratchgpt.kernels.compiler import threads
from scratchgpt.kernels.compiler.jit import cached, part
from scratchgpt.kernels.compiler.llvm import call

_INT32, _INT64, _BYTES = ir.IntType(32), ir.IntType(64), ir.IntType(8).as_pointer()
_FAILED = 3  # index of the error flag in the data that the threads share


class kernel:
    """Decorator that turns a body ``turn(i, *arguments)`` into a loop ``turn(n, *arguments)``.

    The loop calls the body with every i from 0 to n - 1, in n_threads shares of consecutive i. It
    returns nothing. It is compiled once for each combination of argument types, at the first call.
    """

    def __init__(self, turn: Any) -> None:
        self.turn = part(turn)
        # One function with its own name per kernel, so that Numba caches each loop separately.
        self.loop: Any = FunctionType(_loop.__code__, globals())
        self.loop.__qualname__ = f"{turn.__module__}.{turn.__qualname__}"
        self.loop = cached(self.loop, nogil=True, no_cfunc_wrapper=True)

    def __call__(self, n: int, *arguments: Any) -> None:
        if threads.one_loop_at_a_time is not None:
            with threads.one_loop_at_a_time:
                self._run(n, *arguments)
        else:
            self._run(n, *arguments)

    def _run(self, n: int, *arguments: Any) -> None:
        if not self.loop(0, n, *arguments):
            self.loop(self._address(arguments), n, *arguments)

    def _address(self, arguments: tuple[Any, ...]) -> int:
        """Return the address of the body, compiled for the types of the arguments."""
        argument_types = [_plain(numba.typeof(x)) for x in arguments]
        compiled = self.turn.get_compile_result(types.none(types.int64, *argument_types))
        return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _plain(kind: types.Type) -> types.Type:
    """Return the type; reduce an array's type to element type, number of axes and layout.

    Mutability and alignment do not change how an array is passed. The fields of a NamedTuple are
    reduced in the same way.
    """
    if isinstance(kind, types.Array):
        return types.Array(kind.dtype, kind.ndim, kind.layout)
    if isinstance(kind, types.NamedUniTuple):
        return types.NamedUniTuple(_plain(kind.dtype), kind.count, kind.instance_class)
    if isinstance(kind, types.NamedTuple):
        return types.NamedTuple([_plain(field) for field in kind], kind.instance_class)
    return kind


def _loop(address, n, *arguments):
    return _in_parallel(address, n, arguments)


@intrinsic
def _in_parallel(typing_context, address, n, arguments):
    """Call the function at an address with 0 to n - 1 and a tuple of arguments, on all threads.

    The address is stored, and may be 0 from the second call on. Return whether it is known.
    """
    argument_types = (types.int64, *(_plain(x) for x in arguments.types))

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        address, n, arguments = values
        arguments = _lend(context, builder, signature.args[2], arguments)
        memory = ir.GlobalVariable(builder.module, _INT64, "address")
        memory.linkage, memory.initializer = "internal", _INT64(0)
        with builder.if_then(cgutils.is_not_null(builder, address)):
            builder.store(address, memory)
        address = builder.load(memory)
        known = cgutils.is_not_null(builder, address)
        with builder.if_then(known, likely=True):
            number = ir.GlobalVariable(builder.module, _INT32, threads.SYMBOL)
            n_threads = builder.load(number)
            n_shares = builder.sext(n_threads, _INT64)
            fields = [address, n, n_shares, _INT64(0), arguments]
            place = cgutils.alloca_once_value(builder, cgutils.pack_struct(builder, fields))
            share = _share(context, builder.module, place.type, argument_types)
            # Numba adds i times the steps (third array) to the addresses (first array); 0 adds 0.
            first, sizes, steps = (
                cgutils.alloca_once_value(builder, x)
                for x in (builder.inttoptr(_INT64(1), _BYTES), n_shares, _INT64(1))
            )
            function, data = (builder.bitcast(x, _BYTES) for x in (share, place))
            alone = builder.icmp_signed("==", n_threads, _INT32(1))
            with builder.if_else(alone) as (then, otherwise):
                with then:
                    builder.call(share, [first, sizes, steps, data])
                with otherwise:
                    given = [function, first, sizes, steps, data, _INT64(0), _INT64(1), n_threads]
                    call(builder, "numba_parallel_for", ir.VoidType(), *given)
            failed = builder.load(cgutils.gep_inbounds(builder, place, 0, _FAILED))
            with cgutils.if_unlikely(builder, cgutils.is_not_null(builder, failed)):
                context.call_conv.return_user_exc(builder, RuntimeError, ("a kernel failed",))
        return known

    return types.boolean(types.int64, types.int64, arguments), generate


def _lend(context: Any, builder: Any, kind: types.Type, value: Any) -> Any:
    """Return the value with arrays that have no owner, so that threads do not count references.

    Otherwise all threads would write to the same reference counters at once. The caller of the loop
    keeps the arrays alive.
    """
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        for i, part_kind in enumerate(kind):
            one = _lend(context, builder, part_kind, builder.extract_value(value, i))
            value = builder.insert_value(value, one, i)
    return value


def _share(context: Any, module: Any, place_type: Any, argument_types: tuple[Any, ...]) -> Any:
    """Build the function that a thread calls: it finds its share of i, and calls the body."""
    numbers = _INT64.as_pointer()
    type_ = ir.FunctionType(ir.VoidType(), [_BYTES.as_pointer(), numbers, numbers, _BYTES])
    function = ir.Function(module, type_, "share")
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    first, sizes, _, data = function.args
    place = builder.bitcast(data, place_type)
    address, n, n_shares, _, arguments = cgutils.unpack_tuple(builder, builder.load(place))

    convention = context.call_conv
    turn_type = convention.get_function_type(types.none, argument_types)
    turn = builder.inttoptr(address, turn_type.as_pointer())
    arguments = cgutils.unpack_tuple(builder, arguments)
    share = builder.sub(builder.ptrtoint(builder.load(first), _INT64), _INT64(1))
    next_share = builder.add(share, builder.load(sizes))  # not always the next share
    start, stop = (builder.sdiv(builder.mul(n, x), n_shares) for x in (share, next_share))
    with cgutils.for_range_slice(builder, start, stop, _INT64(1)) as (i, _):
        given = [i, *arguments]
        status, _ = convention.call_function(builder, turn, types.none, argument_types, given)
        with cgutils.if_unlikely(builder, status.is_error):
            builder.store(_INT64(1), cgutils.gep_inbounds(builder, place, 0, _FAILED))
    builder.ret_void()
    return function
