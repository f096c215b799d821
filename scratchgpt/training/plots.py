"""``loss.png``: a plot of the metrics of a run."""

import re
from pathlib import Path
from typing import Any

from scratchgpt.escapes import plot_text
from scratchgpt.files import replacing
from scratchgpt.training.metrics import METRICS_FILE, read_metrics
from scratchgpt.training.records import RESERVED

PICTURE_FILE = "loss.png"

_SPAN = 40  # the smoothing span is 1/40 of the curve's length

_BLUE, _ORANGE, _GREEN, _GRAY, _PURPLE = "#1f6fb4", "#d95f02", "#2a8a57", "#666666", "#7b3294"


def plot_metrics(run_directory: Path | str, *, unit: str = "nats per token") -> bool:
    """Plot ``metrics.jsonl`` of a run as ``loss.png`` beside it.

    From top to bottom, the plot shows training and validation loss, a panel for each further
    measure, and the gradient norm with the learning rate.

    Parameters
    ----------
    run_directory : path
    unit : str
        Unit of the loss; empty if it has none.

    Returns
    -------
    drawn : bool
        False if matplotlib is not installed or no step was logged yet.
    """
    run_directory = Path(run_directory)
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    path = run_directory / METRICS_FILE
    records = read_metrics(path) if path.exists() else []
    if not any("loss" in record for record in records):
        return False

    measures = _measure_names(records)
    figure = Figure(figsize=(9, 6 + 1.7 * len(measures)), dpi=160, layout="constrained")
    ratios = (2.4, *[1] * len(measures), 1)
    upper, *middle, lower = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
    _plot_losses(upper, records)
    upper.set_ylabel(f"loss ({plot_text(unit)})" if unit else "loss")
    for axes, name in zip(middle, measures, strict=True):
        _plot_measure(axes, records, name)
    _plot_gradient_norm_and_rate(lower, records)
    lower.set_xlabel("step (parameter updates)")
    lower.xaxis.set_major_formatter("{x:,.0f}")
    upper.set_title(plot_text(run_directory.resolve().name), loc="left", fontweight="bold")
    for axes in (upper, *middle, lower):
        axes.grid(color="#e3e3e3", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.margins(x=0.02)
        axes.spines[["top", "right"]].set_visible(False)
    with replacing(run_directory / PICTURE_FILE) as temporary:
        figure.savefig(temporary, format="png")
    return True


def _plot_losses(axes: Any, records: list[dict[str, Any]]) -> None:
    steps, losses = _series(records, "loss")
    if len(losses) <= _SPAN:
        axes.plot(steps, losses, color=_BLUE, linewidth=2, label="training")
    else:
        axes.plot(steps, losses, color=_BLUE, alpha=0.3, linewidth=1, label="training, per batch")
        smooth = _smoothed(losses)
        axes.plot(steps, smooth, color=_BLUE, linewidth=2, label="training, smoothed")
    val_steps, val_losses = _series(records, "val_loss")
    if val_losses:
        axes.plot(
            val_steps,
            val_losses,
            "o-",
            color=_ORANGE,
            linewidth=2,
            markersize=4,
            label="validation",
        )
        best = min(range(len(val_losses)), key=val_losses.__getitem__)
        axes.plot(
            val_steps[best],
            val_losses[best],
            "*",
            color=_ORANGE,
            markeredgecolor="white",
            markersize=17,
            zorder=5,
            label=f"best validation: {val_losses[best]:.4f} at step {val_steps[best]:,}",
        )
    average_steps, averages = _series(records, "average_val_loss")
    if averages:
        axes.plot(
            average_steps,
            averages,
            "D",
            color=_PURPLE,
            markeredgecolor="white",
            markersize=9,
            zorder=6,
            label=f"validation, averaged weights: {averages[-1]:.4f}",
        )
    axes.legend(loc="upper right", framealpha=0.95)


def _measure_names(records: list[dict[str, Any]]) -> list[str]:
    """Return the names of the measures and scores of a run, in order of first appearance."""
    logged = [name for record in records for name in record if name not in RESERVED]
    return list(dict.fromkeys(re.sub("^(average_)?(val_)?", "", name) for name in logged))


def _plot_measure(axes: Any, records: list[dict[str, Any]], name: str) -> None:
    """Plot a measure in training and validation; a score over a whole set has only one curve."""
    steps, values = _series(records, name)
    if len(values) > _SPAN:
        axes.plot(steps, values, color=_BLUE, alpha=0.3, linewidth=1)
        values = _smoothed(values)
    few = {"marker": "o", "markersize": 4} if len(values) <= _SPAN else {}
    if values:
        axes.plot(steps, values, color=_BLUE, linewidth=2, label=plot_text(name), **few)
    for label, style, color in (
        (f"val_{name}", "o-", _ORANGE),
        (f"average_{name}", "D", _PURPLE),
        (f"average_val_{name}", "D", _PURPLE),
    ):
        steps, values = _series(records, label)
        if values:
            axes.plot(
                steps, values, style, color=color, linewidth=2, markersize=4, label=plot_text(label)
            )
    axes.set_ylabel(plot_text(name))
    axes.legend(loc="best", framealpha=0.95)


def _plot_gradient_norm_and_rate(axes: Any, records: list[dict[str, Any]]) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    steps, norms = _series(records, "grad_norm")
    axes.plot(steps, norms, color=_GRAY, linewidth=1)
    if min(norms) > 0:
        axes.set_yscale("log")
        # Below a factor of 10, powers and their multiples are too few ticks.
        is_wide = max(norms) >= 10 * min(norms)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if is_wide else MaxNLocator(5))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("gradient norm", color=_GRAY)
    rates = axes.twinx()
    steps, values = _series(records, "lr")
    rates.plot(steps, values, color=_GREEN, linewidth=2)
    rates.set_ylim(bottom=0)
    rates.set_ylabel("learning rate", color=_GREEN)
    rates.yaxis.set_major_formatter("{x:g}")
    rates.spines[["top"]].set_visible(False)


def _series(records: list[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """Return the steps and values of the records that have the value ``name``."""
    having = [record for record in records if name in record]
    return [record["step"] for record in having], [record[name] for record in having]


def _smoothed(values: list[float]) -> list[float]:
    """Average a forward and a backward exponential moving average, so that the curve has no lag."""
    forward, backward = _moving_average(values), _moving_average(values[::-1])[::-1]
    return [(a + b) / 2 for a, b in zip(forward, backward, strict=True)]


def _moving_average(values: list[float]) -> list[float]:
    """Exponential moving average that starts at the first value."""
    keep = 1 - _SPAN / len(values)
    total, weight, averages = 0.0, 0.0, []
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        averages.append(total / weight)
    return averages
