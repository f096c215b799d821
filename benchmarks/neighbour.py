"""A training step beside a busy neighbour, against the same step alone: is there a collapse?

    python benchmarks/neighbour.py [--shapes char baby] [--rounds 3]

The neighbours are processes that spin, one, or one for each core; they want a core as much as each
of our threads does. A step that shares both cores of two evenly takes twice as long, and where
threads wait for each other, longer: those that spin meanwhile keep away the one they wait for.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from interleave import benchmark_parser, contest, itself
from report import Row, report
from train_step import CONTESTANTS as STEPS

from scratchgpt.measure.processor import n_cores

PROGRAMS = ("ours", "eager")
NEIGHBOURS = sorted({0, 1, n_cores()})
LONGEST = 300  # seconds that a neighbour spins if nobody ends it
SPIN = """
import os, sys, time
parent, end = os.getppid(), time.monotonic() + float(sys.argv[1])
while os.getppid() == parent and time.monotonic() < end:
    pass
"""


@contextmanager
def spinning(n: int) -> Iterator[None]:
    """Have n processes spin meanwhile. They end with the block, and with this process."""
    spinners = [subprocess.Popen([sys.executable, "-c", SPIN, str(LONGEST)]) for _ in range(n)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def compare(shape: str, n_rounds: int) -> list[Row]:
    """Each program with each number of neighbours, by turns: rows of it beside them and alone."""
    steps = {
        (program, n): replace(
            itself(__file__, program, "--shapes", shape, "--beside", n),
            name=f"{program} beside {n}" if n else f"{program} alone",
        )
        for n in NEIGHBOURS
        for program in PROGRAMS
    }
    print(f"{shape}:", file=sys.stderr)
    contest(list(steps.values()), n_rounds)
    return [
        (f"{shape}, {program} beside {n}", [steps[program, n], steps[program, 0]], None)
        for program in PROGRAMS
        for n in NEIGHBOURS[1:]
    ]


def main() -> None:
    parser = benchmark_parser(__doc__, PROGRAMS, rounds=3)
    parser.add_argument("--shapes", nargs="+", choices=("char", "baby"), default=["char", "baby"])
    parser.add_argument("--beside", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        with spinning(arguments.beside):
            STEPS[arguments.contestant](arguments.shapes[0])
        return
    rows = [row for shape in arguments.shapes for row in compare(shape, arguments.rounds)]
    report("neighbour", rows, arguments.out, axis="time beside neighbours / time alone")


if __name__ == "__main__":
    main()
