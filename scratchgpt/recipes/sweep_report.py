"""What a sweep found: a table of its trials, and a plot."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratchgpt.errors import counted
from scratchgpt.escapes import plot_text
from scratchgpt.files import replacing
from scratchgpt.recipes.sweep import FOLDER, REASON, SweepFolder, is_counted, value_of

PICTURE_FILE = "sweep.png"
_BLUE, _ORANGE, _GRAY = "#1f6fb4", "#d95f02", "#999999"


@dataclass(frozen=True)
class TrialRow:
    """A trial that ended.

    Attributes
    ----------
    number : int
    value : float or None
        Its best score; None if it was pruned or failed.
    outcome : str
        ``complete``, or why there is no value.
    values : dict
        The settings that it chose.
    folder : str
    """

    number: int
    value: float | None
    outcome: str
    values: dict[str, Any]
    folder: str


def trial_rows(folder: SweepFolder) -> list[TrialRow]:
    """Return the trials that ended, the best first, then the others in their order."""
    rows = [
        TrialRow(
            trial.number,
            value_of(trial),
            trial.user_attrs.get(REASON, "complete"),
            dict(trial.params),
            str(folder.path / trial.user_attrs.get(FOLDER, "")),
        )
        for trial in folder.study.get_trials(deepcopy=False)
        if is_counted(trial)
    ]
    sign = -1 if folder.study.direction.name == "MAXIMIZE" else 1
    return sorted(
        rows, key=lambda row: (math.inf if row.value is None else sign * row.value, row.number)
    )


def table(folder: SweepFolder, rows: list[TrialRow]) -> list[str]:
    """Return the trials as the lines of a table."""
    names = [one.name for one in folder.sweep.varied]
    lines = [["trial", folder.score, *names, "outcome"]]
    for row in rows:
        shown = "-" if row.value is None else f"{row.value:.4f}"
        values = [_shown(row.values.get(name, "-")) for name in names]
        lines.append([str(row.number), shown, *values, row.outcome])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]) - 1)]
    return [
        "  ".join(
            [*(word.rjust(width) for word, width in zip(line, widths, strict=False)), line[-1]]
        )
        for line in lines
    ]


def summary(rows: list[TrialRow]) -> str:
    """Count the trials by outcome, in a sentence."""
    n_complete = sum(row.value is not None for row in rows)
    n_pruned = sum(row.outcome.startswith("pruned") for row in rows)
    n_failed = len(rows) - n_complete - n_pruned
    counts = f"{n_complete} complete, {n_pruned} pruned, {n_failed} failed"
    return f"{counted(len(rows), 'trial')}: {counts}"


def plot_sweep(folder: SweepFolder, rows: list[TrialRow]) -> Path | None:
    """Plot the scores by trial, and against each setting; None without matplotlib or scores."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    complete = sorted((row for row in rows if row.value is not None), key=lambda row: row.number)
    if not complete:
        return None
    varied = folder.sweep.varied
    figure = Figure(figsize=(3.2 * (1 + len(varied)), 3.2), dpi=160, layout="constrained")
    panels = figure.subplots(1, 1 + len(varied), sharey=True, squeeze=False)[0]
    scores = [row.value for row in complete]
    pick = max if folder.study.direction.name == "MAXIMIZE" else min
    best = [pick(scores[: i + 1]) for i in range(len(scores))]  # type: ignore[type-var]
    numbers = [row.number for row in complete]
    panels[0].plot(numbers, best, color=_ORANGE, drawstyle="steps-post", label="best so far")
    panels[0].scatter(numbers, scores, color=_BLUE, s=14, label="trial")
    panels[0].set_xlabel("trial")
    panels[0].set_ylabel(plot_text(folder.score))
    panels[0].legend(frameon=False)
    for axes, one in zip(panels[1:], varied, strict=True):
        values = [row.values[one.name] for row in complete]
        if one.choices:
            values = [str(value) for value in values]
        axes.scatter(values, scores, color=_BLUE, s=14)
        axes.set_xlabel(plot_text(one.name))
        if one.log:
            axes.set_xscale("log")
    for axes in panels:
        axes.grid(color="#e3e3e3", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    path = folder.path / PICTURE_FILE
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
