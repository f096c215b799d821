"""Checks of layers and models, as functions of their inputs and parameters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.verify.inputs import as_input, input_names, is_floating
from scratchgpt.verify.problem import Problem, gradients_of
from scratchgpt.verify.report import Report
from scratchgpt.verify.vjp import check


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
        and an object with arrays ``value`` and ``grad``, to which backward adds. A backward that
        overwrites ``grad`` fails. The check restores the layer, including its gradients.
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
    named = dict(zip(pure.input_names, inputs, strict=True))
    for name, parameter in pure.parameters.items():
        named[f"parameter {name}" if name in named else name] = parameter.value
    problem = Problem(pure.forward, pure.backward, named, settings, options.pop("seed", 0))
    report = check(problem, method=method, **options)
    violations = (*report.violations, *_overwritten_gradients(pure, problem))
    return replace(report, title=type(layer).__name__, violations=violations)


def _overwritten_gradients(pure: "_Pure", problem: Problem) -> list[str]:
    """Report gradients of parameters that the backward sets, although it should add to them."""
    if not pure.parameters:
        return []
    y, saved = problem.run(problem.values)
    dy = problem.upstream(y)
    parameters = slice(-len(pure.parameters), None)
    rng = random_stream(problem.seed, "gradients before")
    expected = pure.backward(dy, saved)[parameters]
    values = [parameter.value for parameter in pure.parameters.values()]
    if any(np.shape(grad) != x.shape for grad, x in zip(expected, values, strict=True)):
        return []  # the contract is violated in another way
    sizes = [float(np.max(np.abs(grad), initial=0)) or 1.0 for grad in expected]
    before = [
        (size * rng.standard_normal(grad.shape)).astype(grad.dtype)
        for size, grad in zip(sizes, expected, strict=True)
    ]
    after = pure.backward(dy, saved, [grad.copy() for grad in before])[parameters]
    return [
        f"backward overwrites the gradient of {name!r}; add to it with +="
        for name, old, grad, new, size in zip(
            pure.parameters, before, expected, after, sizes, strict=True
        )
        if np.max(np.abs(new - old - grad), initial=0) > 0.01 * size  # False for NaN
    ]


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
        self.input_names = input_names(forward, len(inputs))
        self._floating = [
            i for i, x in enumerate(inputs) if is_floating(as_input(self.input_names[i], x))
        ]
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
        n_inputs = len(self.input_names)
        inputs, values = args[:n_inputs], args[n_inputs:]
        with self._holding(values):
            y, saved = self._forward(*inputs, **settings)
        return y, _Run((inputs, settings) if self._again else saved, values)

    def backward(self, dy: Any, saved: _Run, grads: Sequence[Any] | None = None) -> tuple[Any, ...]:
        """Return the gradients of the inputs and those of the parameters, which begin at 0."""
        # Set the values, too: a layer that recomputes runs its forward again in its backward.
        with self._holding(saved.values, grads):
            inner = saved.saved
            if self._again:
                inputs, settings = inner
                inner = self._forward(*inputs, **settings)[1]
            result = self._backward(dy, inner)
            own = [parameter.grad for parameter in self.parameters.values()]
        dinputs: list[Any] = [None] * len(self.input_names)
        given = gradients_of(result, self._backward, self.input_names, self._floating)
        for i, gradient in zip(self._floating, given, strict=True):
            dinputs[i] = gradient
        return (*dinputs, *own)

    @contextmanager
    def _holding(self, values: Sequence[Any], grads: Sequence[Any] | None = None) -> Iterator[None]:
        """Temporarily give parameters other values and gradients; cast frozen ones."""
        parameters = list(self.parameters.values())
        own = [(parameter.value, parameter.grad) for parameter in parameters]
        constants = [parameter.value for parameter in self._frozen]
        if grads is None:
            grads = [np.zeros(value.shape, value.dtype) for value in values]
        try:
            for parameter, value, grad in zip(parameters, values, grads, strict=True):
                parameter.value, parameter.grad = value, grad
            for parameter, value in zip(self._frozen, constants, strict=True):
                parameter.value = value.astype(np.result_type(*values)) if values else value
            yield
        finally:
            for parameter, (value, grad) in zip(parameters, own, strict=True):
                parameter.value, parameter.grad = value, grad
            for parameter, value in zip(self._frozen, constants, strict=True):
                parameter.value = value
