"""Diagnosis of NaN and infinite losses: find the first value that is not finite."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.memory import walk
from scratchgpt.training.objective import AnyObjective


class MicroBatch(NamedTuple):
    """The inputs of one forward pass: a batch for the objective, and a dropout seed."""

    batch: object
    dropout_seed: int | None = None


class NonFiniteError(UserError):
    """The loss, or the norm of its gradient, became infinite or NaN.

    Attributes
    ----------
    step : int
        Updates made before it happened.
    lr : float
        The learning rate; with Muon, that of its AdamW.
    muon_lr : float or None
        The learning rate of Muon.
    grad_norm : float or None
        Gradient norm of this step, or of the step before if this step did not reach it.
    where : str
        The first parameter, activation or gradient that is not finite.
    """

    def __init__(
        self,
        what: str,
        *,
        step: int,
        lr: float,
        muon_lr: float | None = None,
        grad_norm: float | None,
        where: str,
        checkpoint: str,
    ) -> None:
        norm = "" if grad_norm is None else f", gradient norm {grad_norm:.3g}"
        rates, smaller = f"learning rate {lr:.3g}", "lr"
        if muon_lr is not None:
            rates = f"learning rates {muon_lr:.3g} of Muon, {lr:.3g} of AdamW"
            smaller = "muon_lr or lr,"
        super().__init__(
            f"{what} at step {step} ({rates}{norm}); "
            f"first non-finite value: {where}; "
            f"start again with a smaller {smaller} or more warmup_steps; {checkpoint}"
        )
        self.step = step
        self.lr = lr
        self.muon_lr = muon_lr
        self.grad_norm = grad_norm
        self.where = where


def find_nonfinite(objective: AnyObjective, micro_batches: Iterable[MicroBatch] = ()) -> str:
    """Name the first value that is not finite, in the order of computation.

    The search covers the parameters, then the arrays that the loss of each micro-batch saved, in
    the order of their fields, then the gradients of the parameters, from the head down. Blocks that
    recompute their activations save only their inputs, so only these inputs are searched.

    Parameters
    ----------
    objective : Objective
    micro_batches : iterable of MicroBatch
        The micro-batches of the step; the forward pass is run again on each.

    Returns
    -------
    where : str
        For example ``"activation encoder.stack.h.1.mlp.branch.act.x (3 of 64 values, first at (0,
        2))"``.
    """
    model = objective.model
    for name, parameter in model.store.named.items():
        if not _is_finite(parameter.value):
            return _describe("parameter", name, parameter.value)
    with np.errstate(all="ignore"):
        for batch, dropout_seed in micro_batches:
            loss, saved = objective.loss(batch, dropout_seed=dropout_seed)
            for path, array in walk(saved):
                if not _is_finite(array):
                    return _describe("activation", path.removeprefix("model."), array)
            if not math.isfinite(loss):
                return "the loss (all activations are finite)"
    for name, parameter in reversed(model.store.named.items()):
        if not parameter.is_frozen and not _is_finite(parameter.grad):
            return _describe("gradient of", name, parameter.grad)
    return "the gradient norm (all gradients are finite)"


def _is_finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _describe(kind: str, name: str, array: Array) -> str:
    bad = ~np.isfinite(array)
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"{kind} {name} ({int(bad.sum()):,} of {counted(array.size, 'value')}, first at {first})"
