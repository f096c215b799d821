"""Checks of layers and models, as functions of their inputs and parameters."""

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
    """Check the backward pass of a layer for all its inputs and parameters.

    Parameters
    ----------
    layer : object
        Has ``forward(*inputs, **settings) -> (y, saved)``, ``backward(dy, saved) -> gradients of
        the inputs`` (or None if they have no gradient) and ``named_parameters()``, pairs of a name
        and an object with arrays ``value`` and ``grad``, to which backward adds. The check
        restores the layer, including its gradients.
    *inputs : arrays
    settings : dict, optional
        Further arguments of forward, for instance ``{"dropout_seed": 3}``.
    method, **options
        As in :func:`check_vjp`.

    Returns
    -------
    report : Report
        One row per floating-point input and per parameter that is not frozen, under its name.
    """
    return _check(layer, layer.forward, layer.backward, inputs, settings, method, options)


def check_model(
    model: Any,
    *data: Any,
    settings: Mapping[str, Any] | None = None,
    method: str = "adjoint",
    **options: Any,
) -> Report:
    """Check the gradient of a loss for all parameters of a model or a training objective.

    Parameters
    ----------
    model : object
        Has ``loss(*data, **settings) -> (loss, saved)``, ``loss_backward(dloss, saved)`` and
        ``named_parameters()`` as in :func:`check_layer`. An object with an attribute ``model`` is a
        training objective (:class:`scratchgpt.training.Objective`). Its backward pass may overwrite
        ``saved``, so the loss is computed again for each backward pass.
    *data : arrays, or a batch
        For a model, tokens and targets, usually (B, T) each. For an objective, one batch, whose
        arrays are constants.
    settings : dict, optional
        Further arguments of loss, such as ``{"dropout_seed": 3, "recompute": True}``.
    method, **options
        As in :func:`check_vjp`; ``joint=True`` checks all parameters together in a few forward
        passes.

    Returns
    -------
    report : Report
        One row per parameter that is not frozen, under its name.

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
    """The forward's ``saved``, or the arguments to run the forward again before the backward."""

    saved: Any
    values: tuple[Any, ...]


class _Pure:
    """A layer as a pair of stateless functions, whose inputs include the parameters.

    Frozen parameters are constants. With ``again``, each backward pass runs its own forward pass
    to get ``saved``.
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
            # A parameter that is used twice is listed once, under its first name.
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
        # Set the values, too: a layer that recomputes runs its forward again in its backward.
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
        """Temporarily give parameters other values and zero gradients; cast frozen ones."""
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
