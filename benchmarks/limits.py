"""Times with a limit: the import, an operation without an observer, and a season of 365.

    python benchmarks/limits.py [--rounds 5]

Each is the shortest time of all rounds. The exit status is 1 if one is above its limit. Memory and
results are checked by the tests; a time is not, because it depends on what else the machine does.
"""

import argparse
import subprocess
import sys
import timeit
from collections.abc import Callable

import numpy as np
from startup import IMPORT

from scratchgpt.ops import observed
from scratchgpt.timeseries.likelihood.stationary_state import (
    stationary_covariance_backward,
    stationary_covariance_forward,
)

CALLS = 20_000


def import_package() -> float:
    run = subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True)
    return float(run.stdout)


def operation_without_observer() -> float:
    """Return what ``observed`` adds to the time of a call."""

    def nothing(x: int) -> int:
        return x

    bare, seen = (
        min(timeit.repeat(lambda f=f: f(1), number=CALLS, repeat=5))  # type: ignore[misc]
        for f in (nothing, observed(nothing))
    )
    return (seen - bare) / CALLS


def covariance_of_a_year_of_days() -> float:
    """Return the time of the covariance of a state with 366 elements, and of its gradient."""
    phi = np.zeros(366)
    phi[[0, 364, 365]] = 0.5, 0.4, -0.2

    def both() -> None:
        P, saved = stationary_covariance_forward(phi, np.array([0.3]))
        stationary_covariance_backward(np.ones_like(P), saved)

    return timeit.timeit(both, number=1)


LIMITS: list[tuple[str, Callable[[], float], float]] = [
    ("import scratchgpt", import_package, 0.2),
    ("an operation without an observer", operation_without_observer, 3e-6),
    ("covariance of the state for a season of 365", covariance_of_a_year_of_days, 2.0),
]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    times = [min(measure() for _ in range(arguments.rounds)) for _, measure, _ in LIMITS]
    print("| | shortest | limit |")
    print("|---|---|---|")
    for (name, _, limit), seconds in zip(LIMITS, times, strict=True):
        print(f"| {name} | {seconds:.2g} s | {limit:g} s |")
    return int(any(t > limit for t, (_, _, limit) in zip(times, LIMITS, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
