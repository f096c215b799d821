"""Gradients of parameters, summed over the operations that use them."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import ParameterStore


class GradientSums:
    """The gradient of each parameter so far, as the backward pass adds to it.

    A tied head adds to the gradient of the embedding table, so an operation returns a sum of its
    own contribution and those before it.

    Parameters
    ----------
    store : ParameterStore
    """

    def __init__(self, store: ParameterStore) -> None:
        self._names = {_address(p.value): name for name, p in store.named.items()}
        self._shapes = {name: p.value.shape for name, p in store.named.items()}
        self._sums: dict[str, Array] = {}
        self.contributions: dict[str, list[int]] = {name: [] for name in store.named}

    def name(self, parameter: Array) -> str:
        """Return the name of a parameter, or of one that it is a transposed view of."""
        return self._names[_address(parameter)]

    def is_transposed(self, parameter: Array) -> bool:
        """Whether an array is the transposed view of a parameter."""
        return not parameter.flags.c_contiguous and parameter.ndim == 2

    def after(self, parameter: Array, contribution: Array) -> Array:
        """Add a contribution, and return the sum with the shape of the contribution."""
        name = self.name(parameter)
        own = contribution.T if self.is_transposed(parameter) else contribution
        before = self._sums.get(name)
        self._sums[name] = own if before is None else before + own
        result = self._sums[name]
        return result.T if self.is_transposed(parameter) else result

    def add(self, parameter: Array, number: int) -> None:
        """Note the number of the array that holds a contribution."""
        self.contributions[self.name(parameter)].append(number)


def _address(array: Array) -> int:
    return int(np.lib.array_utils.byte_bounds(array)[0])
