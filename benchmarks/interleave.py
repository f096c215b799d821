"""Compare programs by turns: A B A B, each round in a process of its own.

A machine that is shared changes its speed from minute to minute. So a figure is the ratio of two
medians over rounds that were run by turns, and its spread is that of the ratios within a round.

A contestant is a command that prints one line of JSON at its end, with "seconds" for one unit of
its work and "peak_mib" for the most memory that it held.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Contestant:
    """A program, and what its rounds gave.

    One that is not required and cannot run here says why, and is left out.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    missing: str = ""
    required: bool = False

    def run(self) -> None:
        """One round."""
        if self.missing:
            return
        environment = {**os.environ, **self.environment}
        process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        output, errors = process.communicate()
        if process.returncode:
            lines = errors.strip().splitlines() or ["it failed"]
            reasons = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]
            self.missing = (reasons or lines)[-1]
            if self.required:
                raise SystemExit(f"{errors}\n{self.name} failed: {self.missing}")
            return
        self.rounds.append(json.loads(output.strip().splitlines()[-1]))

    def median(self, key: str) -> float:
        return statistics.median(one[key] for one in self.rounds)


def benchmark_parser(
    description: str | None, contestants: Iterable[str], *, rounds: int = 5
) -> argparse.ArgumentParser:
    """The options that all comparisons have; ``--contestant`` is how a script calls itself."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--contestant", choices=list(contestants), help=argparse.SUPPRESS)
    return parser


def itself(script: str, name: str, *options: object, **more: Any) -> Contestant:
    """The contestant that ``script`` is when it is called with ``--contestant name``."""
    command = [sys.executable, script, "--contestant", name, *map(str, options)]
    return Contestant(name, command, required=name.startswith("ours"), **more)


def contest(contestants: Sequence[Contestant], n_rounds: int) -> None:
    """Run all by turns, ``n_rounds`` times; what happens is told on standard error."""
    for index in range(n_rounds):
        for contestant in contestants:
            contestant.run()
            told = contestant.missing or duration(contestant.rounds[-1]["seconds"])
            print(f"round {index + 1}, {contestant.name}: {told}", file=sys.stderr)


def ratio(ours: Contestant, peer: Contestant, key: str = "seconds") -> tuple[float, float, float]:
    """The ratio of the medians, and the lowest and the highest ratio within a round."""
    within = [a[key] / b[key] for a, b in zip(ours.rounds, peer.rounds, strict=True)]
    return ours.median(key) / peer.median(key), min(within), max(within)


def duration(seconds: float) -> str:
    """A time that a person can read."""
    if seconds >= 2:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.2f} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.0f} µs"


def check_equal(what: str, contestants: Sequence[Contestant], key: str, tolerance: float) -> None:
    """End the benchmark if those that ran did not compute the same number."""
    values = [c.median(key) for c in contestants if not c.missing]
    if max(values) - min(values) > tolerance * max(map(abs, values)):
        raise SystemExit(f"{what}: the contestants do not compute the same {key}: {values}")
