"""Observation of operations: a callback at the start and the end of each, without patching.

    class Printer:
        def begin(self, name, path, inputs): print(name, "of", path)
        def end(self, name, path, result): pass

    with observing(Printer(), model):
        loss, saved = model.loss(tokens, targets)
        model.loss_backward(1.0, saved)

Calls are nested like brackets: an operation that calls another ends after it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import signature
from types import FrameType
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

Params = ParamSpec("Params")
Result = TypeVar("Result")


class Observer(Protocol):
    """Receives a call at the start and at the end of each operation."""

    def begin(self, name: str, path: str, inputs: dict[str, Any]) -> None:
        """Called when an operation begins.

        Parameters
        ----------
        name : str
            Name of the operation, such as ``"layer_norm_forward"``.
        path : str
            Path of the layer that calls the operation, such as ``"transformer.h.1.ln_2"``. It is
            ``""`` for the model itself and for a caller that is not a layer of the model.
        inputs : dict
            The arguments of the operation by parameter name. The arrays are not copies, and the
            operation may overwrite them: copy those that you need later.
        """

    def end(self, name: str, path: str, result: Any) -> None:
        """Called when the operation ends.

        Parameters
        ----------
        name, path : str
            The same as in :meth:`begin`.
        result : object
            The return value: ``(y, saved)`` of a forward, the gradients of a backward. None if the
            operation raised an exception.
        """


class Named(Protocol):
    """A model: an object whose layers have paths."""

    def named_layers(self) -> Iterator[tuple[str, Any]]: ...


class _Watch(NamedTuple):
    observer: Observer
    paths: dict[int, str]  # of layers, by their id()


_watch: ContextVar[_Watch | None] = ContextVar("observer", default=None)


@contextmanager
def observing(observer: Observer, model: Named | None = None) -> Iterator[None]:
    """Report every operation of this thread inside the block to an observer.

    Parameters
    ----------
    observer : Observer
        An object with ``begin(name, path, inputs)`` and ``end(name, path, result)``.
    model : Layer, optional
        The model that the paths refer to. Without a model, all paths are ``""``.
    """
    layers = [] if model is None else list(model.named_layers())
    token = _watch.set(_Watch(observer, {id(layer): path for path, layer in layers}))
    try:
        yield
    finally:
        _watch.reset(token)


def observed(operation: Callable[Params, Result]) -> Callable[Params, Result]:
    """Decorate an operation so that it reports to the observer, if there is one."""
    name = operation.__qualname__.rpartition("<locals>.")[2]
    name = name.lower().replace(".", "_")  # AdamW.step is "adamw_step"
    parameters = tuple(signature(operation).parameters)

    @wraps(operation)
    def call(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        watch = _watch.get()
        if watch is None:
            return operation(*args, **kwargs)
        path = _path_of_caller(watch.paths)
        inputs = {**dict(zip(parameters, args, strict=False)), **kwargs}
        watch.observer.begin(name, path, inputs)
        result = None
        try:
            result = operation(*args, **kwargs)
            return result
        finally:
            watch.observer.end(name, path, result)

    return call


def _path_of_caller(paths: dict[int, str]) -> str:
    """Return the path of the innermost layer whose method calls the operation."""
    frame: FrameType | None = sys._getframe(2) if paths else None
    while frame is not None:
        path = paths.get(id(frame.f_locals.get("self")))
        if path is not None:
            return path
        frame = frame.f_back
    return ""
