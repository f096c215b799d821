"""An experiment: every method on the same task, always with all measures."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.attributes.checks import varying
from scratchgpt.zero_shot.attributes.dap import DAP
from scratchgpt.zero_shot.attributes.eszsl import ESZSL
from scratchgpt.zero_shot.attributes.floors import Majority, NearestSeen
from scratchgpt.zero_shot.attributes.generalized import (
    Generalized,
    ausuc,
    class_accuracy,
    generalized,
    margins,
)
from scratchgpt.zero_shot.attributes.iap import IAP
from scratchgpt.zero_shot.attributes.method import Constants, Method
from scratchgpt.zero_shot.attributes.task import AttributeTask


class Result(NamedTuple):
    """What one method reached.

    Attributes
    ----------
    name : str
    accuracy : float
        Mean accuracy per class of the unseen classes, among themselves.
    generalized : Generalized
        S, U and H among all classes.
    stacking : float
        The constant of calibrated stacking, chosen on held-out classes; 0 for floors.
    stacked : Generalized
        S, U and H with calibrated stacking.
    ausuc : float
        Area under the curve of S against U.
    constants : dict
    confusion : integer array (U, U)
        Number of examples by true (row) and predicted (column) unseen class.
    model : Method
    """

    name: str
    accuracy: float
    generalized: Generalized
    stacking: float
    stacked: Generalized
    ausuc: float
    constants: Constants
    confusion: Array
    model: Method


def learned_attributes(task: AttributeTask) -> Array:
    """Return the columns of the binary attributes that differ between the seen classes."""
    return varying(task.binary[task.is_seen])


def evaluate(task: AttributeTask, seed: int = 0) -> Iterator[Result]:
    """Fit every method to a task and test it: DAP, IAP, ESZSL, and the floors.

    DAP and IAP use the binary attributes that differ between the seen classes, and ESZSL all
    attributes of ``task.s``.

    Parameters
    ----------
    task : AttributeTask
        Features should be standardized; see :func:`standardized`.
    seed : int
        Random seed for the held-out classes.

    Yields
    ------
    result : Result
    """
    binary = task.binary[:, learned_attributes(task)]
    models: tuple[tuple[Method, Array], ...] = (
        (DAP(seed=seed), binary),
        (IAP(seed=seed), binary),
        (ESZSL(seed=seed), task.s),
        (NearestSeen(), task.s),
        (Majority(), task.s),
    )
    number = np.cumsum(task.is_seen) - 1  # of a seen class among the seen ones
    held_out = task.held_out and [number[classes] for classes in task.held_out]
    for model, s in models:
        model.fit(task.x, number[task.y], s[task.is_seen], held_out=held_out)
        yield _test(model, task, s)


def _test(model: Method, task: AttributeTask, s: Array) -> Result:
    scores, y = model.scores(task.x_test, s), task.y_test
    unseen = np.flatnonzero(~task.is_seen)
    place = np.cumsum(~task.is_seen) - 1  # of an unseen class among the unseen ones
    of_unseen = ~task.is_seen[y]
    truth, predicted = place[y[of_unseen]], scores[of_unseen][:, unseen].argmax(axis=1)
    confusion = np.zeros((len(unseen), len(unseen)), dtype=np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    found = margins(scores, y, task.is_seen)
    c = model.stacking or 0.0
    return Result(
        type(model).__name__,
        class_accuracy(truth, predicted),
        generalized(found),
        c,
        generalized(found, c),
        ausuc(found),
        model.constants,
        confusion,
        model,
    )
