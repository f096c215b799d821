"""The report of a comparison: a table for people, JSON for programs, and a plot."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interleave import Contestant, duration, ratio

Target = float | None
Row = tuple[str, Sequence[Contestant], Target | Mapping[str, float]]
Columns = Mapping[str, tuple[str, str]]


def report(
    title: str,
    rows: Sequence[Row],
    out: Path,
    columns: Columns | None = None,
    axis: str = "time of scratchgpt / time of the peer",
) -> None:
    """Write the table, the rounds and a plot of the ratios, and print the table.

    Parameters
    ----------
    title : str
        Title of the plot, and name of the files.
    rows : sequence of (name, contestants, target)
        Names must be unique. The first contestant is ours. The target is that of its ratio to the
        fastest peer, or a mapping with a target for each peer by name.
    out : Path
        Folder for the files.
    columns : dict of str to (str, str), optional
        Further columns by header: a key in the results of the rounds, and the format of its median.
        A cell is empty if the contestant has no such key.
    axis : str
        Label for the ratio in the plot.
    """
    columns = columns or {}
    headers = ["", "", "time", *columns, "time ratio (spread)", "target"]
    headers += ["peak memory", "memory ratio"]
    cells, bars = [], []
    for name, (ours, *peers), target in rows:
        for contestant in (ours, *peers):
            if contestant.missing:
                left_out = [name, contestant.name, f"left out: {contestant.missing}"]
                cells.append(left_out + [""] * (len(headers) - 3))
                continue
            row = [name, contestant.name, duration(contestant.median("seconds"))]
            row += [_figure(contestant, *column) for column in columns.values()]
            memory = f"{contestant.median('peak_mib'):.0f} MiB"
            if contestant is ours or ours.missing:
                cells.append([*row, "", "", memory, ""])
                continue
            goal = target.get(contestant.name) if isinstance(target, Mapping) else target
            middle, low, high = ratio(ours, contestant)
            spread = f"{middle:.2f} ({low:.2f} to {high:.2f})"
            share = f"{ratio(ours, contestant, 'peak_mib')[0]:.2f}"
            cells.append([*row, spread, "" if goal is None else f"{goal:.2f}", memory, share])
            label = f"{name}, {contestant.name}" if len(peers) > 1 else name
            bars.append((label, middle, low, high, goal))
        there = [peer for peer in peers if not peer.missing]
        if len(there) > 1 and not ours.missing:
            fastest = min(there, key=lambda peer: peer.median("seconds"))
            start = [name, f"fastest peer: {fastest.name}", "", *[""] * len(columns)]
            cells.append([*start, f"{ratio(ours, fastest)[0]:.2f}", "", "", ""])
    rounds = {name: {c.name: c.rounds for c in contestants} for name, contestants, _ in rows}
    write_table(title, headers, cells, rounds, out)
    if bars:
        _plot(title, bars, axis, out)


def write_table(
    title: str, headers: Sequence[str], cells: Sequence[Sequence[str]], data: Any, out: Path
) -> None:
    """Print a table; write the table, and its data as JSON, to the folder ``out``."""
    lines = [headers, ["---"] * len(headers), *cells]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    print(table)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{title}.md").write_text(table + "\n", encoding="utf-8")
    (out / f"{title}.json").write_text(json.dumps(data, indent=1), encoding="utf-8")


@contextmanager
def figure(title: str, out: Path, n_axes: int = 1, **options: Any) -> Iterator[list[Any]]:
    """Yield a row of axes, and save them as ``out/title.png``; no axes without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        print("no plot: matplotlib is not installed", file=sys.stderr)
        yield []
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(1, n_axes, squeeze=False, layout="constrained", **options)
    drawing.suptitle(title)
    yield list(axes[0])
    drawing.savefig(out / f"{title}.png", dpi=150)
    plt.close(drawing)


def _figure(contestant: Contestant, key: str, form: str) -> str:
    return form.format(contestant.median(key)) if key in contestant.rounds[0] else ""


def _plot(
    title: str, bars: Sequence[tuple[str, float, float, float, Target]], axis: str, out: Path
) -> None:
    """Plot a bar for each ratio, with its spread and its target."""
    with figure(title, out, figsize=(7, 1 + 0.45 * len(bars))) as drawn:
        for axes in drawn:
            for i, (_, middle, low, high, target) in enumerate(reversed(bars)):
                axes.barh(i, middle, color="tab:blue", height=0.6)
                axes.hlines(i, low, high, color="black")
                if target is not None:
                    axes.vlines(target, i - 0.4, i + 0.4, color="tab:red")
            axes.axvline(1, color="gray", linewidth=0.8)
            axes.set_yticks(range(len(bars)), [bar[0] for bar in reversed(bars)])
            red = "; red: target" if any(bar[-1] is not None for bar in bars) else ""
            axes.set_xlabel(f"{axis}\n(black: lowest and highest round{red})")
