"""Compare programs by turns: A B A B, each round in a process of its own.

A machine that is shared changes its speed from minute to minute. So a figure is the ratio of two
medians over rounds that were run by turns, and its spread is that of the ratios within a round.

A contestant is a command that prints one line of JSON at its end, with "seconds" for one unit of
its work; its peak memory is asked of the operating system when it has ended.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Contestant:
    """A program, and what its rounds gave."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    rounds: list[dict[str, float]] = field(default_factory=list)
    missing: str = ""

    def run(self) -> None:
        """One round; a program that cannot run here says why and is left out."""
        if self.missing:
            return
        environment = {**os.environ, **self.environment}
        process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        output, errors = process.communicate()
        if process.returncode:
            self.missing = (errors.strip().splitlines() or ["it failed"])[-1]
            return
        self.rounds.append(json.loads(output.strip().splitlines()[-1]))

    def median(self, key: str) -> float:
        return statistics.median(one[key] for one in self.rounds)


def contest(contestants: Sequence[Contestant], n_rounds: int) -> None:
    """Run all by turns, ``n_rounds`` times; what happens is told on standard error."""
    for index in range(n_rounds):
        for contestant in contestants:
            contestant.run()
            seconds = contestant.rounds[-1]["seconds"] if contestant.rounds else float("nan")
            told = contestant.missing or f"{1e3 * seconds:.2f} ms"
            print(f"round {index + 1}, {contestant.name}: {told}", file=sys.stderr)


def ratio(ours: Contestant, peer: Contestant, key: str = "seconds") -> tuple[float, float, float]:
    """The ratio of the medians, and the lowest and the highest ratio within a round."""
    within = [a[key] / b[key] for a, b in zip(ours.rounds, peer.rounds, strict=True)]
    return ours.median(key) / peer.median(key), min(within), max(within)


def report(
    title: str, rows: Sequence[tuple[str, Sequence[Contestant], float | None]], out: Path
) -> None:
    """Write a table, the rounds and a plot, and print the table.

    Parameters
    ----------
    title : str
        Also the name of the files.
    rows : sequence of (name, contestants, target)
        The first contestant is ours; the target is for its ratio to the fastest of the others.
    out : Path
        A folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    lines = [
        "| | | time | ratio (spread) | peak memory | ratio | target |",
        "|---|---|---|---|---|---|---|",
    ]
    bars = []
    for name, contestants, target in rows:
        ours, *peers = contestants
        for contestant in contestants:
            if contestant.missing:
                lines.append(f"| {name} | {contestant.name} | {contestant.missing} | | | | |")
                continue
            time, memory = contestant.median("seconds"), contestant.median("peak_mib")
            cells = [name, contestant.name, f"{1e3 * time:.2f} ms", "", f"{memory:.0f} MiB", "", ""]
            if contestant is not ours:
                middle, low, high = ratio(ours, contestant)
                cells[3] = f"{middle:.2f} ({low:.2f} to {high:.2f})"
                cells[5] = f"{ratio(ours, contestant, 'peak_mib')[0]:.2f}"
                cells[6] = "" if target is None else f"{target:.2f}"
                bars.append((f"{name}, {contestant.name}", middle, low, high, target))
            lines.append(f"| {' | '.join(cells)} |")
        fastest = min((p for p in peers if p.rounds), key=lambda p: p.median("seconds"))
        lines.append(
            f"| {name} | fastest peer: {fastest.name} | | {ratio(ours, fastest)[0]:.2f} | |"
        )
    table = "\n".join(lines)
    print(table)
    (out / f"{title}.md").write_text(table + "\n", encoding="utf-8")
    rounds = {name: {c.name: c.rounds for c in contestants} for name, contestants, _ in rows}
    (out / f"{title}.json").write_text(json.dumps(rounds, indent=1), encoding="utf-8")
    _plot(title, bars, out / f"{title}.png")


def _plot(
    title: str, bars: list[tuple[str, float, float, float, float | None]], path: Path
) -> None:
    try:
        import matplotlib
    except ImportError:
        print("no plot: matplotlib is not installed", file=sys.stderr)
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 0.5 + 0.45 * len(bars)), layout="constrained")
    for i, (_, middle, low, high, target) in enumerate(reversed(bars)):
        axes.barh(i, middle, color="tab:blue", height=0.6)
        axes.hlines(i, low, high, color="black")
        if target is not None:
            axes.vlines(
                target, i - 0.4, i + 0.4, color="tab:red", label="target" if not i else None
            )
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_yticks(range(len(bars)), [bar[0] for bar in reversed(bars)])
    axes.set_xlabel("time of scratchgpt / time of the peer (line: lowest and highest round)")
    axes.set_title(title)
    figure.savefig(path, dpi=150)
    plt.close(figure)
