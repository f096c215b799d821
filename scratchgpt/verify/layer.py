"""Layers and models as pairs of functions of their inputs and parameters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.verify.problem import input_names
from scratchgpt.verify.report import Report
from scratchgpt.verify.vjp import check_vjp


def check_layer(
    layer: Any,
    *inputs: Any,
    settings: Mapping[str, Any] | None = None,
    method: str = "complex",
    **options: Any,
) -> Report:
    """Check the backward pass of a layer: all of its inputs and parameters.

    Parameters
    ----------
    layer : object
        Has ``forward(*inputs, **settings) -> (y, saved)``, ``backward(dy, saved) -> gradients of
        the inputs`` (or None where they have none) and ``named_parameters()``, pairs of a name and
        an object with arrays ``value`` and ``grad``, to which backward adds. It is left as it was,
        gradients included.
    *inputs : arrays
    settings : dict, optional
        Further arguments of forward, for instance ``{"dropout_seed": 3}``.
    method, **options
        As for :func:`check_vjp`.

    Returns
    -------
    report : Report
        A row for each floating input and each parameter that is not frozen, under its name.
    """
    return _check(layer, layer.forward, layer.backward, inputs, settings, method, options)


def check_model(
    model: Any,
    *data: Any,
    settings: Mapping[str, Any] | None = None,
    method: str = "adjoint",
    **options: Any,
) -> Report:
    """Check the gradient of the loss of a model, or of an objective, in all of its parameters.

    Parameters
    ----------
    model : object
        Has ``loss(*data, **settings) -> (loss, saved)``, ``loss_backward(dloss, saved)`` and
        ``named_parameters()`` as in :func:`check_layer`. What has a ``model`` of its own is a
        training objective (:class:`scratchgpt.training.Objective`), whose backward pass may
        overwrite ``saved``: the loss is then computed anew for each backward pass.
    *data : arrays, or a batch
        Of a model tokens and targets, as a rule (B, T) each. Of an objective one batch, whose
        arrays are constants.
    settings : dict, optional
        Further arguments of loss, for instance ``{"dropout_seed": 3, "recompute": True}``.
    method, **options
        As for :func:`check_vjp`; ``joint=True`` proves all parameters at once in a few forward
        passes.

    Returns
    -------
    report : Report
        A row for each parameter that is not frozen, under its name.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.models import GPT, GPTConfig
    >>> from scratchgpt.verify import check_model
    >>> model = GPT(GPTConfig(n_layer=1, n_head=2, n_embd=8, block_size=4, vocab_size=11))
    >>> tokens = np.arange(6).reshape(2, 3)
    >>> check_model(model, tokens, tokens + 1).passed
    True
    >>> from scratchgpt.text import TokenBatch
    >>> from scratchgpt.training import NextToken
    >>> check_model(NextToken(model), TokenBatch(tokens, tokens + 1)).passed
    True
    """
    again = hasattr(model, "model")
    return _check(
        model, model.loss, model.loss_backward, data, settings, method, options, again=again
    )


def _check(
    layer: Any,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    settings: Mapping[str, Any] | None,
    method: str,
    options: dict[str, Any],
    *,
    again: bool = False,
) -> Report:
    pure = _Pure(layer, forward, backward, inputs, again)
    named = dict(zip(input_names(forward, len(inputs)), inputs, strict=True))
    named |= {name: parameter.value for name, parameter in pure.parameters.items()}
    report = check_vjp(
        pure.forward, pure.backward, named, settings=settings, method=method, **options
    )
    return replace(report, title=type(layer).__name__)


class _Run(NamedTuple):
    """What a backward pass needs: the forward's ``saved``, or the arguments to run it again."""

    saved: Any
    values: tuple[Any, ...]


class _Pure:
    """A layer as a pair of functions without state: its parameters are further inputs.

    Frozen parameters are constants. ``again``: each backward pass gets the ``saved`` of a forward
    pass of its own.
    """

    def __init__(
        self,
        layer: Any,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        inputs: Sequence[Any],
        again: bool,
    ) -> None:
        self._forward, self._backward, self._again = forward, backward, again
        self._n_inputs = len(inputs)
        self._floating = [isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in inputs]
        self.parameters: dict[str, Any] = {}
        self._frozen: list[Any] = []
        for name, parameter in layer.named_parameters():
            # One that is used in two places counts once, under its first name.
            if any(parameter is other for other in (*self.parameters.values(), *self._frozen)):
                continue
            if getattr(parameter, "is_frozen", False):
                self._frozen.append(parameter)
            else:
                self.parameters[name] = parameter

    def forward(self, *args: Any, **settings: Any) -> tuple[Any, _Run]:
        inputs, values = args[: self._n_inputs], args[self._n_inputs :]
        with self._holding(values):
            y, saved = self._forward(*inputs, **settings)
        return y, _Run((inputs, settings) if self._again else saved, values)

    def backward(self, dy: Any, saved: _Run) -> tuple[Any, ...]:
        # Values too: a layer that recomputes runs its forward again in its backward.
        with self._holding(saved.values) as grads:
            inner = saved.saved
            if self._again:
                inputs, settings = inner
                inner = self._forward(*inputs, **settings)[1]
            dinputs = self._backward(dy, inner)
        if not isinstance(dinputs, tuple | list):
            dinputs = (dinputs,)
        if len(dinputs) != self._n_inputs:
            given = iter(dinputs)
            dinputs = [next(given, None) if floating else None for floating in self._floating]
        return (*dinputs, *grads)

    @contextmanager
    def _holding(self, values: Sequence[Any]) -> Iterator[list[Any]]:
        """Lend other values and zero gradients to the parameters, their dtype to the frozen."""
        parameters = list(self.parameters.values())
        own = [(parameter.value, parameter.grad) for parameter in parameters]
        constants = [parameter.value for parameter in self._frozen]
        grads = [np.zeros(value.shape, value.dtype) for value in values]
        try:
            for parameter, value, grad in zip(parameters, values, grads, strict=True):
                parameter.value, parameter.grad = value, grad
            for parameter, value in zip(self._frozen, constants, strict=True):
                parameter.value = value.astype(np.result_type(*values)) if values else value
            yield grads
        finally:
            for parameter, (value, grad) in zip(parameters, own, strict=True):
                parameter.value, parameter.grad = value, grad
            for parameter, value in zip(self._frozen, constants, strict=True):
                parameter.value = value
