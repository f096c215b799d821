"""Cards: one for each operation of the step, with its arrays in three columns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.explore.record import Call, Node
from scratchgpt.explore.values import How, Values

# Largest difference between an array that is recomputed and the recorded one, relative to the
# largest element. Sums in another order differ by about 1e-7.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Field:
    """An array on a card.

    Attributes
    ----------
    name : str
        As in the code: ``"dscores"``.
    axes : tuple of str
        The letter of each axis, ``("H", "T", "S")``.
    value : int
        Its number in :class:`Values`.
    side : {"forward", "saved", "backward"}
    role : {"input", "parameter", "inner", "output"}
    path : str
        For a saved array, its path in ``walk(saved)``.
    """

    name: str
    axes: tuple[str, ...]
    value: int
    side: str
    role: str
    path: str = ""


@dataclass
class Card:
    """An operation of the step, forward and backward.

    Attributes
    ----------
    id : str
        Its path in ``walk(saved)``, shortened: ``"h.0.attn.attention"``.
    op : str
        ``"attention"``; ``"sum"`` for an addition that is not an operation.
    layer : str
        Path of the layer in the model.
    values : Values
        The arrays of the page, to which those of this card are added.
    facts : dict of str to object
        Settings of the operation, for display.
    n_bytes : int
        Bytes that the operation saves and no operation before it does.
    forward, backward : int or None
        Numbers of its steps, from 1; None if nothing runs.
    recomputed : str
        What the backward pass computes a second time, "" if nothing.
    checked : int
        How many arrays were recomputed and compared with the recorded ones.
    worst : float
        The largest relative difference of these comparisons.
    """

    id: str
    op: str
    layer: str
    values: Values
    fields: list[Field] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    n_bytes: int = 0
    forward: int | None = None
    backward: int | None = None
    recomputed: str = ""
    checked: int = 0
    worst: float = 0.0
    time: str = "T"

    @property
    def is_norm_of_stream(self) -> bool:
        """Whether this norm reads the residual stream, not queries, keys or embeddings."""
        is_norm = self.op in ("layer_norm", "rms_norm")
        return is_norm and "heads" not in self.facts and self.id != "norm"

    def add(
        self,
        side: str,
        role: str,
        name: str,
        axes: str,
        array: Array,
        how: How | None = None,
        path: str = "",
    ) -> int:
        """Add an array to a column, and return its number."""
        number = self.values.add(array, how)
        names = tuple(axes.split())
        assert len(names) == self.values[number].array.ndim, (self.id, name, axes, array.shape)
        self.fields.append(Field(name, names, number, side, role, path))
        return number

    def add_saved(self, node: Node, axes: dict[str, str]) -> None:
        """Add the arrays of a ``saved`` that are not parameters; tokens are shown elsewhere."""
        self.n_bytes = node.n_bytes
        for name, letters in axes.items():
            array = getattr(node.saved, name)
            if isinstance(array, np.ndarray):
                shape = self._shape(array, len(letters.split()))
                path = f"{node.path}.{name}"
                self.add("saved", "saved", name, letters, array.reshape(shape), path=path)

    @staticmethod
    def _shape(array: Array, n_axes: int) -> tuple[int, ...]:
        """Return the shape without the batch axis and without axes of one element at the end."""
        shape = array.shape
        while len(shape) > n_axes and shape[-1] == 1:
            shape = shape[:-1]
        while len(shape) > n_axes and shape[0] == 1:
            shape = shape[1:]
        return shape

    def check(self, name: str, computed: Array, recorded: Array) -> None:
        """Compare an array that was recomputed with the one that the step computed.

        Raises
        ------
        UserError
            If they differ: what the page would explain is not what the code computed.
        """
        computed = np.asarray(computed).reshape(np.shape(recorded))
        self.checked += 1
        if np.array_equal(computed, recorded, equal_nan=True):
            return
        with np.errstate(all="ignore"):
            finite = np.isfinite(recorded) & np.isfinite(computed)
            same = finite | (computed == recorded) | (np.isnan(computed) & np.isnan(recorded))
            scale = np.abs(np.where(finite, recorded, 0)).max(initial=0) or 1.0
            gap = np.where(finite, np.abs(np.subtract(computed, recorded)), 0).max(initial=0)
            error = float(gap / scale) if same.all() else np.inf
        self.worst = max(self.worst, error)
        if not error <= TOLERANCE:
            raise UserError(
                f"{self.id}: {name} of the {self.op} is not what the step computed: it differs by "
                f"{error:.1e} of its largest element, so no page is written; run "
                "`scratchgpt verify` to find the mistake"
            )


def one_row(x: Array) -> Array:
    """Remove the batch axis of an array (1, ...)."""
    return x[0]


def rows(x: Array) -> Array:
    """Return an array (..., n) as a matrix of rows."""
    return x.reshape(-1, x.shape[-1])


@dataclass(frozen=True)
class Pair:
    """The two calls of an operation, and what the first saved for the second."""

    forward: Call
    backward: Call | None
    node: Node | None
