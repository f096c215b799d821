"""Shards: the parts of the parameters whose optimizer states several workers divide.

ZeRO stage 1 (Rajbhandari et al. 2020, arXiv:1910.02054, section 5.1): each worker keeps the states
of one shard, updates its parameters, and receives the parameters of the other shards from their
workers.
"""

from collections.abc import Sequence
from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import ParameterStore, Span


class Shard(NamedTuple):
    """Consecutive trained parameters.

    Attributes
    ----------
    names : list of str
    grads : slice
        Of the flat gradients.
    spans : list of Span
        The parameters in the flat arrays.
    """

    names: list[str]
    grads: slice
    spans: list[Span]

    def views(self, store: ParameterStore, flat: Array) -> dict[str, Array]:
        """Return one view per parameter of a flat array with the layout of ``grads``."""
        found = {}
        for name in self.names:
            start, parameter = store.grad_offsets[name] - self.grads.start, store.named[name]
            found[name] = flat[start : start + parameter.size].reshape(parameter.shape)
        return found


def hidden_names(store: ParameterStore) -> list[str]:
    """Return the names of the trained linear maps inside the model, in the order of the store."""
    return [name for name in store.trained if store.named[name].columns]


def other_names(store: ParameterStore) -> list[str]:
    """Return the names of the trained tables, output heads and vectors, in the same order."""
    return [name for name in store.trained if not store.named[name].columns]


def shards(store: ParameterStore, n: int, names: Sequence[str] | None = None) -> list[Shard]:
    """Divide the trained parameters into ``n`` shards.

    A shard ends at the end of a parameter, for optimizers that need whole matrices. Of all such
    divisions, this is one whose largest shard is as small as possible. The last shards are empty
    if there are fewer parameters than shards.

    Parameters
    ----------
    store : ParameterStore
    n : int
    names : sequence of str, optional
        The parameters to divide, consecutive in ``store.trained``; by default all.

    Examples
    --------
    >>> from scratchgpt.layers import Linear
    >>> store = Linear(3, 5).initialize().store
    >>> [shard.names for shard in shards(store, 2)]
    [['weight'], ['bias']]
    """
    names = store.trained if names is None else names
    starts = [store.grad_offsets[name] for name in names]
    sizes = [store.padded_size(name) for name in names]
    total = starts[-1] + sizes[-1] if starts else 0
    counts = _pack(sizes, _least_capacity(sizes, n))
    counts += [0] * (n - len(counts))
    found, first = [], 0
    for count in counts:
        own = list(names[first : first + count])
        start = starts[first] if first < len(starts) else total
        grads = slice(start, start + sum(sizes[first : first + count]))
        found.append(Shard(own, grads, _clip(store.trained_spans, grads)))
        first += count
    return found


def _least_capacity(sizes: list[int], n: int) -> int:
    """Return the smallest capacity with which ``n`` shards suffice, by bisection."""
    low, high = max(sizes, default=0), sum(sizes)
    while low < high:
        middle = (low + high) // 2
        if len(_pack(sizes, middle)) <= n:
            high = middle
        else:
            low = middle + 1
    return low


def _pack(sizes: list[int], capacity: int) -> list[int]:
    """Fill shards one after another; return the number of parameters of each."""
    counts, room = [0], capacity
    for size in sizes:
        if size > room:
            counts.append(0)
            room = capacity
        counts[-1] += 1
        room -= size
    return counts


def _clip(spans: list[Span], grads: slice) -> list[Span]:
    """Return the parts of spans inside a slice of the flat gradients."""
    clipped = []
    for values, own in spans:
        start, stop = max(own.start, grads.start), min(own.stop, grads.stop)
        if start < stop:
            shift = values.start - own.start
            clipped.append(Span(slice(start + shift, stop + shift), slice(start, stop)))
    return clipped
