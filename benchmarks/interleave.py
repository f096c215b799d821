"""Compare programs in interleaved rounds: A B A B, each round in a new process.

The speed of a shared machine changes from minute to minute. Therefore a result is the ratio of two
medians over interleaved rounds, and its spread is that of the ratios within a round.

A contestant is a command that prints one line of JSON at its end, with "seconds" for one unit of
its work and "peak_mib" for its peak memory.
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
    """A program and the results of its rounds.

    If the program cannot run and is not required, ``missing`` is the reason, and it is left out.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    missing: str = ""
    required: bool = False

    def run(self) -> None:
        """Run one round."""
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
    """Return a parser with the common options; a script runs itself with ``--contestant``."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--contestant", choices=list(contestants), help=argparse.SUPPRESS)
    return parser


def contestant_of(script: str, name: str, *options: object, **more: Any) -> Contestant:
    """Return a contestant that runs ``script`` with ``--contestant name``."""
    command = [sys.executable, script, "--contestant", name, *map(str, options)]
    return Contestant(name, command, required=name.startswith("ours"), **more)


def contest(contestants: Sequence[Contestant], n_rounds: int) -> None:
    """Run all contestants in ``n_rounds`` interleaved rounds, with progress on standard error."""
    for index in range(n_rounds):
        for contestant in contestants:
            contestant.run()
            result = contestant.missing or duration(contestant.rounds[-1]["seconds"])
            print(f"round {index + 1}, {contestant.name}: {result}", file=sys.stderr)


def ratio(ours: Contestant, peer: Contestant, key: str = "seconds") -> tuple[float, float, float]:
    """Return the ratio of the medians, and the lowest and highest ratio within a round."""
    within = [a[key] / b[key] for a, b in zip(ours.rounds, peer.rounds, strict=True)]
    return ours.median(key) / peer.median(key), min(within), max(within)


def duration(seconds: float) -> str:
    """Format a time for people."""
    if seconds >= 2:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.2f} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.0f} µs"


def check_equal(what: str, contestants: Sequence[Contestant], key: str, tolerance: float) -> None:
    """Exit if the contestants that ran did not compute the same number."""
    values = [c.median(key) for c in contestants if not c.missing]
    if max(values) - min(values) > tolerance * max(map(abs, values)):
        raise SystemExit(f"{what}: the contestants do not compute the same {key}: {values}")
