"""A training step beside busy processes, compared with the same step alone: does it collapse?

    python benchmarks/neighbor.py [--shapes char baby] [--rounds 3]

The neighbors are processes in a busy loop, one, or one per core. Each competes for a core like one
of our threads. A step that shares both of two cores evenly takes twice as long. It takes longer if
threads wait for each other, because threads that spin while they wait take the core from the thread
they wait for.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from interleave import benchmark_parser, contest, contestant_of
from report import Row, report
from train_step import CONTESTANTS as STEPS

from scratchgpt.threads import n_cores

PROGRAMS = ("ours", "eager")
NEIGHBORS = sorted({0, 1, n_cores()})
LONGEST = 300  # seconds after which a neighbor ends by contestant_of
SPIN = """
import os, sys, time
parent, end = os.getppid(), time.monotonic() + float(sys.argv[1])
while os.getppid() == parent and time.monotonic() < end:
    pass
"""


@contextmanager
def spinning(n: int) -> Iterator[None]:
    """Run n busy processes during the block; they end with the block, or with this process."""
    spinners = [subprocess.Popen([sys.executable, "-c", SPIN, str(LONGEST)]) for _ in range(n)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def compare(shape: str, n_rounds: int) -> list[Row]:
    """Time each program, interleaved, with each number of neighbors; return the table's rows."""
    steps = {
        (program, n): replace(
            contestant_of(__file__, program, "--shapes", shape, "--beside", n),
            name=f"{program} beside {n}" if n else f"{program} alone",
        )
        for n in NEIGHBORS
        for program in PROGRAMS
    }
    print(f"{shape}:", file=sys.stderr)
    contest(list(steps.values()), n_rounds)
    return [
        (f"{shape}, {program} beside {n}", [steps[program, n], steps[program, 0]], None)
        for program in PROGRAMS
        for n in NEIGHBORS[1:]
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
    report("neighbor", rows, arguments.out, axis="time beside neighbors / time alone")


if __name__ == "__main__":
    main()
