"""The running example: the arrays of each operation in the step of the explorer.

An operation that is a part of the model has the arrays of its card, which the explorer recomputes
and compares with the recorded ones. An operation that is not is run on arrays of the same step.
"""

from functools import cache

import numpy as np
from other_examples import OTHERS
from recorded_step import CARDS, Example, Row, content


@cache
def example(op: str) -> Example:
    """Return the arrays of an operation in the running example.

    Raises
    ------
    ValueError
        If a letter has two sizes.
    """
    if op in CARDS:
        place, source = CARDS[op]
        rows = _of_card(op, place)
    else:
        rows, source, place = OTHERS[op]()
    _check_letters(op, rows)
    return Example(rows, source, place)


def _of_card(op: str, place: str) -> list[Row]:
    found = next(card for card in content().cards if card.id == place)
    values = content().values
    rows = [
        Row(f.side, f.role, f.name, " ".join(f.axes), values[f.value].array) for f in found.fields
    ]
    if op == "embedding":
        tokens = np.array(found.facts["tokens"])
        rows.insert(0, Row("forward", "input", "tokens", "T", tokens))
        rows.insert(3, Row("saved", "saved", "tokens", "T", tokens))
    if op == "cross_entropy":
        targets = Row("forward", "input", "targets", "T", np.array(found.facts["targets"]))
        rows.insert(1, targets._replace(array=np.where(targets.array < 0, -100, targets.array)))
    if op == "residual":  # both gradients are dy itself
        dy = rows[-1].array
        rows += [Row("backward", "output", name, "T C", dy) for name in ("dx", "dbranch")]
    return rows


def _check_letters(op: str, rows: list[Row]) -> None:
    sizes: dict[str, int] = {}
    for row in rows:
        letters = row.axes.split()
        if len(letters) != np.ndim(row.array):
            raise ValueError(f"{op}: {row.name} is {np.shape(row.array)}, and not ({row.axes})")
        for letter, size in zip(letters, np.shape(row.array), strict=True):
            wanted = int(letter) if letter.isdecimal() else sizes.setdefault(letter, size)
            if wanted != size:
                raise ValueError(f"{op}: {letter} of {row.name} is {size}, and {wanted} before")
