"""Helpers from Numba's code generator for functions that are written in LLVM.

Such a function is marked :func:`numba.extending.intrinsic`. Everything it needs besides
``llvmlite.ir`` is in this module, so that no other folder imports Numba's private modules.
"""

from typing import Any

from llvmlite import ir
from numba.core.cgutils import (
    alloca_once,
    alloca_once_value,
    for_range,
    get_or_insert_function,
)

__all__ = ["alloca_once", "alloca_once_value", "call", "for_range"]


def call(builder: Any, name: str, result: Any, *values: Any) -> Any:
    """Call a C function or an LLVM intrinsic; argument types are those of the values."""
    type_ = ir.FunctionType(result, [value.type for value in values])
    return builder.call(get_or_insert_function(builder.module, type_, name), values)
