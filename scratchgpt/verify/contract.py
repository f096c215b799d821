"""Checks of the contract beyond the numbers: no input is overwritten, shapes and dtypes match."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchgpt.verify.problem import Problem


def check_contract(problem: Problem) -> tuple[Any, list[Any], list[str]]:
    """Run forward and backward twice, and check all side effects.

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
    y_before = fingerprints(y)
    dy = problem.upstream(y)
    if fingerprints(problem.run(problem.values)[0]) != y_before:
        violations.append("forward gives two results for the same inputs; fix its random seed")
    violations += _changes("forward", inputs_before, constants)

    backward_before = fingerprints({"dy": dy, "saved": saved, **constants})
    gradients = problem.pull(dy, saved)
    gradients_before = fingerprints(gradients)
    again = problem.pull(dy, saved)
    violations += _changes("backward", backward_before, {"dy": dy, "saved": saved, **constants})
    if fingerprints(again) != gradients_before:
        violations.append("backward called twice gives two results")
    if fingerprints(gradients) != gradients_before:
        violations.append("backward called again overwrites the gradients it returned before")

    for i, gradient in zip(problem.floating, again, strict=True):
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
        elif np.asarray(gradient).dtype != value.dtype:
            violations.append(
                f"the gradient of {name!r} is {np.asarray(gradient).dtype} "
                f"but the input is {value.dtype}"
            )
    return dy, again, violations


def fingerprints(tree: Any, path: str = "") -> dict[str, bytes]:
    """Compute a digest of the bytes of each array in a tree of tuples, lists and dictionaries."""
    return {name: _digest(array) for name, array in _arrays(tree, path)}


def _arrays(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, np.ndarray | np.generic | float):
        yield path, np.asarray(tree)
    elif isinstance(tree, dict):
        for name, child in tree.items():
            yield from _arrays(child, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, tuple | list):
        names = getattr(tree, "_fields", range(len(tree)))
        for name, child in zip(names, tree, strict=True):
            yield from _arrays(child, f"{path}.{name}" if path else str(name))


def _digest(array: Any) -> bytes:
    header = f"{array.dtype} {array.shape}".encode()
    # A digest, because memory may not suffice for a second copy of a large model.
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return hashlib.blake2b(data, digest_size=16, key=hashlib.md5(header).digest()).digest()


def _changes(who: str, before: dict[str, bytes], tree: Any) -> list[str]:
    after = fingerprints(tree)
    return [f"{who} overwrites {path}" for path in before if after.get(path) != before[path]]
