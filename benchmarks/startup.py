"""Startup time of a new process: import of the package, and the first training step.

    python benchmarks/startup.py [--rounds 5]

The step has the char shape of train_step.py. It is timed with an empty and with a full cache of
compiled kernels; the time includes the start of the process.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

IMPORT = "import time; t = time.perf_counter(); import scratchgpt; print(time.perf_counter() - t)"
STEP = """
from scratchgpt.training.compilation import ensure_compiled
ensure_compiled()
from scratchgpt.measure import SHAPES, one_batch_stepper, random_batch
from scratchgpt.models import GPT
from scratchgpt.threads import one_pool
shape = SHAPES["char"]
with one_pool():
    one_batch_stepper(GPT(shape.config), *random_batch(shape)).update(0)
"""


def seconds(code: str, cache: str) -> float:
    """Return the time of a process that runs the code with this kernel cache."""
    began = time.perf_counter()
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    imports, cold, warm = [], [], []
    for _ in range(arguments.rounds):
        run = subprocess.run(
            [sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True
        )
        imports.append(float(run.stdout))
        with tempfile.TemporaryDirectory() as cache:
            cold.append(seconds(STEP, cache))
            warm.append(seconds(STEP, cache))
    print("| | median | lowest | highest | target |")
    print("|---|---|---|---|---|")
    for name, times, target in (
        ("import scratchgpt", imports, 0.2),
        ("first step, empty kernel cache", cold, 10),
        ("first step, full kernel cache", warm, 1),
    ):
        middle = statistics.median(times)
        print(f"| {name} | {middle:.2f} s | {min(times):.2f} | {max(times):.2f} | {target} |")


if __name__ == "__main__":
    main()
