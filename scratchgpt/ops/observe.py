"""Observing operations: a caller sees each one begin and end, and nothing is patched.

    class Printer:
        def begin(self, name, path, inputs): print(name, "of", path)
        def end(self, name, path, result): pass

    with observing(Printer(), model):
        loss, saved = model.loss(tokens, targets)
        model.loss_backward(1.0, saved)

Begin and end come like brackets: an operation that calls another ends after it.
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
    """Whoever looks."""

    def begin(self, name: str, path: str, inputs: dict[str, Any]) -> None:
        """An operation begins.

        Parameters
        ----------
        name : str
            As ``"layer_norm_forward"``.
        path : str
            Of the layer that calls it, as ``"transformer.h.1.ln_2"``; ``""`` for the model itself,
            and for a caller that is not a layer of the model.
        inputs : dict
            What the operation was given, by the names of its parameters. Arrays are those that it
            reads and writes; copy what must stay.
        """

    def end(self, name: str, path: str, result: Any) -> None:
        """The operation ends.

        Parameters
        ----------
        name, path : str
            As at its beginning.
        result : object
            What it returns: ``(y, saved)`` of a forward, the gradients of a backward. None if it
            raised an exception.
        """


class Named(Protocol):
    """A model: something whose layers have paths."""

    def named_layers(self) -> Iterator[tuple[str, Any]]: ...


class _Watch(NamedTuple):
    observer: Observer
    paths: dict[int, str]  # of layers, by their id


_watch: ContextVar[_Watch | None] = ContextVar("observer", default=None)


@contextmanager
def observing(observer: Observer, model: Named | None = None) -> Iterator[None]:
    """Show an observer every operation inside the block, of this thread.

    Parameters
    ----------
    observer : Observer
        Has ``begin(name, path, inputs)`` and ``end(name, path, result)``.
    model : Layer, optional
        Decides the paths. Without one they are all ``""``.
    """
    layers = [] if model is None else list(model.named_layers())
    token = _watch.set(_Watch(observer, {id(layer): path for path, layer in layers}))
    try:
        yield
    finally:
        _watch.reset(token)


def observed(operation: Callable[Params, Result]) -> Callable[Params, Result]:
    """The same operation, which an observer sees; without one it is called and that is all."""
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
    """The path of the innermost layer in whose method the operation is called."""
    frame: FrameType | None = sys._getframe(2) if paths else None
    while frame is not None:
        path = paths.get(id(frame.f_locals.get("self")))
        if path is not None:
            return path
        frame = frame.f_back
    return ""
