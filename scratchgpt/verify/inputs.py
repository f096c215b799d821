"""The inputs of a check: their names, their order and their dtypes."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchgpt.backend import Array

Inputs: TypeAlias = Mapping[str, Any] | Sequence[Any]


class Bound(NamedTuple):
    """The arguments of a call: some by position, the others by keyword."""

    names: list[str]
    values: list[Any]
    n_positional: int


def bind(function: Callable[..., Any], inputs: Inputs) -> Bound:
    """Bind inputs to the parameters of a function.

    The names of a dict are those of parameters, and their order is that of the signature. If none
    of them is a parameter, they are labels, and the values are bound by position.

    Raises
    ------
    TypeError
        If the inputs are not a list or a dict, a value cannot be checked, or a name is that of a
        parameter at another position.
    """
    if not isinstance(inputs, Mapping):
        if not isinstance(inputs, list | tuple):
            raise TypeError(
                f"inputs is {_described(inputs)}; pass a list, [x], or a dict, {{'x': x}}"
            )
        inputs = dict(zip(input_names(function, len(inputs)), inputs, strict=True))
    parameters = _parameters(function)
    positional = [p.name for p in parameters if p.kind in _POSITIONAL]
    names = list(inputs)
    order = [p.name for p in parameters if p.kind not in _VARIADIC]
    n_positional = len(names)
    if set(names) <= set(order):
        names.sort(key=order.index)
        n_positional = sum(a == b for a, b in zip(names, positional, strict=False))
        by_position = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_ONLY]
        if not set(by_position).isdisjoint(names[n_positional:]):
            names, n_positional = list(inputs), len(inputs)  # labels
    if n_positional == len(names):
        for i, name in enumerate(names):
            if name in positional and positional.index(name) != i:
                raise TypeError(
                    f"input {name!r} is at position {i}, but {function_name(function)} has the "
                    f"parameter {name!r} at position {positional.index(name)}; name the inputs "
                    f"like the parameters: {', '.join(positional)}"
                )
    values = [as_input(name, inputs[name]) for name in names]
    return Bound(names, values, n_positional)


def as_input(name: str, value: Any) -> Any:
    """Return an input: a floating-point number becomes an array without axes.

    Raises
    ------
    TypeError
        If the value is complex, or is a list of numbers.
    """
    if isinstance(value, np.ndarray | np.generic | float | complex):
        array = np.asarray(value)
        if array.dtype.kind == "c":
            raise TypeError(
                f"input {name!r} is {array.dtype}; pass a real array (the check makes it complex "
                "if necessary)"
            )
        return array if array.dtype.kind == "f" else value
    if isinstance(value, list | tuple) and _holds_floats(value):
        raise TypeError(f"input {name!r} is {_described(value)}; pass an array")
    return value


def is_floating(value: Any) -> bool:
    """Whether an input is differentiated."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype with the byte order of this machine."""
    return dtype.newbyteorder("=")


def coarsest(arrays: Sequence[Array]) -> np.dtype[Any]:
    """Return the least precise dtype among floating-point arrays."""
    return max((native(x.dtype) for x in arrays), key=lambda dtype: np.finfo(dtype).eps)


def input_names(function: Callable[..., Any], n: int) -> list[str]:
    """Return names for n positional inputs, from the signature of the function if available."""
    names = [p.name for p in _parameters(function) if p.kind in _POSITIONAL]
    return [names[i] if i < len(names) else f"input {i}" for i in range(n)]


def function_name(function: Any) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some compiled functions have no signature
        return []


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array {value.shape}"
    return f"a {type(value).__name__}"


def _holds_floats(values: Any) -> bool:
    try:
        return np.asarray(values).dtype.kind in "fc"
    except ValueError:  # lists of different lengths
        return False
