"""Which attributes made DAP recognize an animal that it has not seen."""

from typing import NamedTuple

import numpy as np

from scratchgpt.zero_shot.attributes.dap import DAP
from scratchgpt.zero_shot.attributes.task import AttributeTask


class Evidence(NamedTuple):
    """What one attribute says about the pictures of a class.

    Attributes
    ----------
    attribute : str
    is_present : bool
        Whether the class has it.
    probability : float
        The mean probability that DAP gives to the attribute.
    against_unseen, against_seen : float
        How much it speaks for the class and against the most similar unseen or seen class, in nats
        per picture. It is 0 for an attribute that the two classes share.
    """

    attribute: str
    is_present: bool
    probability: float
    against_unseen: float
    against_seen: float


class Explanation(NamedTuple):
    """Why DAP recognizes the pictures of a class.

    Attributes
    ----------
    name : str
    n_pictures : int
    unseen, seen : str
        Names of the most similar unseen and seen class: those with the highest mean score.
    rows : list of Evidence
        The attributes in which the class differs from one of the two, the strongest first.
    shared : list of Evidence
        The attributes that all three share.
    """

    name: str
    n_pictures: int
    unseen: str
    seen: str
    rows: list[Evidence]
    shared: list[Evidence]


def explain(model: DAP, task: AttributeTask, attributes: tuple[str, ...], name: str) -> Explanation:
    """Explain the scores of the test pictures of a class.

    Parameters
    ----------
    model : DAP
        Fitted to ``task`` with all attributes.
    task : AttributeTask
    attributes : tuple of str (m,)
        Names of the columns of ``task.s``.
    name : str
        A class of the task.
    """
    k, s = task.names.index(name), task.s
    x = task.x_test[task.y_test == k]
    mean = model.scores(x, s).mean(axis=0)
    mean[k] = -np.inf
    others = [int(np.where(task.is_seen == side, mean, -np.inf).argmax()) for side in (False, True)]
    probability = model.attribute_probabilities(x).mean(axis=0)
    against = [model.evidence(x, s[k], s[other]).mean(axis=0) for other in others]
    found = [
        Evidence(word, bool(s[k, m]), float(probability[m]), *(float(each[m]) for each in against))
        for m, word in enumerate(attributes)
    ]
    differs = (s[k] != s[others]).any(axis=0)
    rows = [row for row, is_different in zip(found, differs, strict=True) if is_different]
    rows.sort(key=lambda row: -(row.against_unseen + row.against_seen))
    shared = [row for row, is_different in zip(found, differs, strict=True) if not is_different]
    unseen, seen = (task.names[other] for other in others)
    return Explanation(name, len(x), unseen, seen, rows, shared)
