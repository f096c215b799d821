"""Checks of the contract beyond the numbers: no array is overwritten, shapes and dtypes match."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.verify.inputs import native
from scratchgpt.verify.problem import Problem, as_tuple
from scratchgpt.verify.slopes import move, step_scale


def check_contract(problem: Problem) -> tuple[Any, list[Any], list[str]]:
    """Run forward and backward several times, and check all side effects.

    A second forward pass has other inputs, and a second backward pass another upstream gradient.
    Otherwise a function that returns the same buffer at every call would write the same numbers.

    Returns
    -------
    dy : array, or tuple of arrays
        The upstream gradient.
    gradients : list of arrays, one for each differentiated input
    violations : list of str
    """
    violations: list[str] = []
    constants = {"inputs": dict(zip(problem.names, problem.values, strict=True))}
    constants["settings"] = problem.settings
    inputs_before = fingerprints(constants)

    y, saved = problem.run(problem.values)
    dy, other_dy = problem.upstream(y), problem.upstream(y, "another upstream")
    if any(_has_nan(part) for part in as_tuple(y)):
        violations.append("forward returns NaN")
    y_before, results_before = fingerprints(y), fingerprints({"y": y, "saved": saved})
    problem.run(_nearby(problem))
    changes = _changes("forward called again", results_before, {"y": y, "saved": saved})
    violations += [f"{change}, which it returned before" for change in changes]
    if fingerprints(problem.run(problem.values)[0]) != y_before:
        violations.append("forward gives two results for the same inputs; fix its random seed")
    violations += _changes("forward", inputs_before, constants)

    backward_before = fingerprints({"dy": dy, "saved": saved, **constants})
    others = problem.pull(other_dy, saved)
    others_before = fingerprints(others)
    gradients = problem.pull(dy, saved)
    if fingerprints(others) != others_before:
        violations.append("backward called again overwrites the gradients it returned before")
    gradients_before = fingerprints(gradients)
    gradients = problem.pull(dy, saved)
    violations += _changes("backward", backward_before, {"dy": dy, "saved": saved, **constants})
    if fingerprints(gradients) != gradients_before:
        violations.append("backward called twice gives two results")

    for i, gradient in zip(problem.floating, gradients, strict=True):
        name, value = problem.names[i], problem.values[i]
        if gradient is None:
            violations.append(
                f"backward returns None for the floating input {name!r}; "
                "if it is a constant, pass it in settings"
            )
        elif np.shape(gradient) != value.shape:
            violations.append(
                f"the gradient of {name!r} is {np.shape(gradient)} but the input is {value.shape}"
            )
        elif native(np.asarray(gradient).dtype) != native(value.dtype):
            violations.append(
                f"the gradient of {name!r} is {np.asarray(gradient).dtype} "
                f"but the input is {value.dtype}"
            )
    return dy, gradients, violations


def _nearby(problem: Problem) -> list[Any]:
    """Return other inputs, which differ from those of the problem by a small random step."""
    directions = {}
    for i in problem.floating:
        rng = random_stream(problem.seed, "nearby", i)
        x = problem.values[i]
        directions[i] = rng.uniform(0.5, 1.5, x.shape) * step_scale(x)
    return move(problem, directions, float(np.finfo(problem.dtype).eps) ** (1 / 3))


def _has_nan(array: Any) -> bool:
    array = np.asarray(array)
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def fingerprints(tree: Any, path: str = "") -> dict[str, bytes]:
    """Compute a digest of each array in a tree of tuples, lists, dictionaries and dataclasses."""
    return {name: _digest(array) for name, array in _arrays(tree, path)}


def _arrays(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, np.ndarray) and tree.dtype.hasobject:
        yield from _arrays(tree.tolist(), path)
    elif isinstance(tree, np.ndarray | np.generic | float):
        yield path, np.asarray(tree)
    else:
        for name, child in _children(tree):
            yield from _arrays(child, f"{path}.{name}" if path else str(name))


def _children(tree: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(tree, dict):
        yield from tree.items()
    elif isinstance(tree, tuple | list):
        yield from zip(getattr(tree, "_fields", range(len(tree))), tree, strict=True)
    elif is_dataclass(tree) and not isinstance(tree, type):
        yield from ((field.name, getattr(tree, field.name)) for field in fields(tree))


def _digest(array: Any) -> bytes:
    header = f"{array.dtype} {array.shape}".encode()
    if native(array.dtype) in (np.longdouble, np.clongdouble):
        array = _without_padding(array)
    # A digest, because memory may not suffice for a second copy of a large model.
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return hashlib.blake2b(data, digest_size=16, key=hashlib.md5(header).digest()).digest()


def _without_padding(array: Any) -> Any:
    """Return the numbers of an extended precision in float64; some of its bytes are undefined."""
    parts = []
    for part in (array.real, array.imag):
        mantissa, exponent = np.frexp(part)
        high = mantissa.astype(np.float64)
        parts += [high, (mantissa - high).astype(np.float64), exponent.astype(np.float64)]
    return np.stack(parts)


def _changes(who: str, before: dict[str, bytes], tree: Any) -> list[str]:
    after = fingerprints(tree)
    return [f"{who} overwrites {path}" for path in before if after.get(path) != before[path]]
