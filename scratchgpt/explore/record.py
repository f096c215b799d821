"""Record one training step: every operation with copies of its inputs and outputs.

The step runs on the reference, without kernels. It runs twice, once without the observer, and both
runs must agree bit for bit, so that what is shown is the step and not a version of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.accumulator import Accumulator, NotWanted
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.explore.step import Step
from scratchgpt.kernels import disabled
from scratchgpt.memory import nbytes, walk
from scratchgpt.ops.observe import observing

# Parts of a path in ``walk(saved)`` that a reader does not need to find a place.
_DROPPED = frozenset({"model", "transformer", "stack", "branch", "linear"})
# Operations with one card, although they call others: the card shows what these compute.
_WHOLE = frozenset({"attention", "gated_product", "relu_squared"})


@dataclass
class Call:
    """One operation that contains no other.

    Attributes
    ----------
    op : str
        Name without its direction: ``"layer_norm"``.
    way : {"forward", "backward"}
    path : str
        Path of the layer that calls it.
    phase : {"forward", "backward"}
        The pass during which it runs. A forward that the backward pass repeats has ``way`` forward
        and phase backward.
    inputs : dict of str to object
        Copies of the arguments. Accumulators and frozen parameters are None.
    result : object
        A copy of the return value.
    """

    op: str
    way: str
    path: str
    phase: str
    inputs: dict[str, Any]
    result: Any = None
    saved: Any = None  # the object that a forward returned, not a copy
    is_leaf: bool = True


class Node(NamedTuple):
    """One ``saved`` of an operation in the tree of the whole step.

    Attributes
    ----------
    path : str
        Its path, as :func:`scratchgpt.memory.walk` prints it.
    saved : NamedTuple
        A copy.
    n_bytes : int
        Bytes that this node keeps and no earlier node does, without parameters.
    """

    path: str
    saved: Any
    n_bytes: int

    @property
    def short(self) -> str:
        return short_path(self.path)


@dataclass(frozen=True)
class Recording:
    """A recorded step.

    Attributes
    ----------
    step : Step
    loss : float
        NaN or infinite if the step is.
    calls : list of Call
        In the order in which they run.
    nodes : list of (Call, Node)
        The ``saved`` of each forward call that keeps something, in the order of the tree.
    grads : dict of str to array
        Gradients of the trained parameters.
    n_bytes : int
        All bytes that the forward pass saves, without parameters.
    """

    step: Step
    loss: float
    calls: list[Call]
    nodes: list[tuple[Call, Node]]
    grads: dict[str, Array]
    n_bytes: int


class _Recorder:
    """The observer; copies what goes in and out of each operation."""

    def __init__(self, parameters: Array) -> None:
        self.calls: list[Call] = []
        self.phase = "forward"
        self._open: list[Call] = []
        self._bounds = np.lib.array_utils.byte_bounds(parameters)

    def begin(self, name: str, path: str, inputs: dict[str, Any]) -> None:
        op, _, way = name.rpartition("_")
        if self._open and self._open[-1].op not in _WHOLE:
            self._open[-1].is_leaf = False
        copies = {key: self.copy(value) for key, value in inputs.items()}
        self._open.append(Call(op, way, path, self.phase, copies))

    def end(self, name: str, path: str, result: Any) -> None:
        call = self._open.pop()
        if not call.is_leaf or any(other.op in _WHOLE for other in self._open):
            return
        if call.way == "forward":
            call.saved = result[1]
        call.result = self.copy(result)
        self.calls.append(call)

    def copy(self, value: Any) -> Any:
        """Copy all arrays in a tree; parameters do not change during a step, so they are views."""
        if isinstance(value, np.ndarray):
            low, high = np.lib.array_utils.byte_bounds(value)
            if value.size and self._bounds[0] <= low and high <= self._bounds[1]:
                return value
            return value.copy(order="K")
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self.copy(child) for child in value))
        if isinstance(value, tuple | list):
            return type(value)(self.copy(child) for child in value)
        return None if isinstance(value, Accumulator | NotWanted) else value


def record(step: Step) -> Recording:
    """Run the forward and the backward pass of a step, and record every operation.

    Parameters
    ----------
    step : Step

    Raises
    ------
    UserError
        If the step without the observer differs from the observed one in any bit.
    """
    store, objective = step.model.store, step.objective
    recorder = _Recorder(store.values)
    with disabled(), np.errstate(all="ignore"):
        expected, expected_grads = _run(step)
        store.zero_grad()
        with observing(recorder, step.model):
            loss, saved = objective.loss(step.batch, dropout_seed=step.dropout_seed)
            nodes = list(_nodes(recorder, saved, store.values))
            n_bytes = nbytes(saved, exclude=[store.values])
            recorder.phase = "backward"
            objective.loss_backward(1.0, saved)
    grads = store.grads.copy()
    same = np.array_equal(np.asarray(loss), expected, equal_nan=True)
    if not (same and np.array_equal(grads, expected_grads, equal_nan=True)):
        raise UserError(
            "the observed step differs from the same step without the observer, so no page is "
            "written; report this with the model"
        )
    calls = [call for call in recorder.calls if call.op not in ("global_norm", "adamw_step")]
    return Recording(step, float(loss), calls, nodes, store.grad_views(grads), n_bytes)


def _run(step: Step) -> tuple[Array, Array]:
    """Return loss and gradients of the step without an observer."""
    step.model.store.zero_grad()
    loss, saved = step.objective.loss(step.batch, dropout_seed=step.dropout_seed)
    step.objective.loss_backward(1.0, saved)
    return np.asarray(loss), step.model.store.grads.copy()


def _nodes(recorder: _Recorder, saved: Any, parameters: Array) -> Iterator[tuple[Call, Node]]:
    """Yield each ``saved`` of an operation in the tree of the step, with the call that made it."""
    counted: list[Any] = []
    n_counted = 0
    open_calls = [call for call in recorder.calls if call.saved is not None]
    for path, part in _parts(saved):
        call = next((c for c in open_calls if _is_same(c.saved, part)), None)
        if call is None:
            continue  # dropout that is disabled runs no operation
        open_calls.remove(call)
        counted += [array for _, array in walk(part)]
        n_before, n_counted = n_counted, nbytes(counted, exclude=[parameters])
        yield call, Node(path, recorder.copy(part), n_counted - n_before)


def _parts(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and the tuple of each ``saved`` of an operation, in the order of the tree."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        if not any(isinstance(child, tuple | list) and child != () for child in tree):
            yield path, tree
            return
        for name, child in zip(tree._fields, tree, strict=True):
            yield from _parts(child, f"{path}.{name}" if path else name)
    elif isinstance(tree, tuple | list):
        for i, child in enumerate(tree):
            yield from _parts(child, f"{path}.{i}" if path else str(i))


def _is_same(made: Any, part: Any) -> bool:
    """Whether a part of the tree is what a call returned; placeholders may replace arrays."""
    if type(made) is not type(part):
        return False
    arrays = [(a, b) for a, b in zip(made, part, strict=True) if isinstance(b, np.ndarray)]
    if arrays:
        return all(a is b for a, b in arrays)
    return bool(made == part)


def short_path(path: str) -> str:
    """Return ``h.0.attn.attention`` for ``model.transformer.stack.h.0.attn.branch.attention``."""
    return ".".join(part for part in path.split(".") if part not in _DROPPED)
