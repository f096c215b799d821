"""nanoGPT's CPU recipe from the command line to the end, against the same in PyTorch eager.

    python benchmarks/recipe.py [--rounds 3] [--steps 2000]

The time is that of the whole process, with its start, all evaluations (20 batches, before the first
step, every 250 steps and after the last) and the checkpoints that it keeps. Model, batches and
schedule are equal: nanoGPT's, with the exact GELU. `scratchgpt train` writes a log, curves and
a sample of 300 tokens besides. Kernels and corpus are there before the time begins: each program
runs once for a few steps first.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from interleave import benchmark_parser, contest, itself
from measure import children_peak_mib, seconds_of, tell
from report import report
from tinyshakespeare import RECIPE

TARGET = 0.70
FEWEST_STEPS = 100  # of warm-up
ALIKE = 0.1  # how far two seeds may lie apart
FOLDER = Path(__file__).parent
COMMANDS = {
    "ours": ["-m", "scratchgpt", "train", "--config", RECIPE, "--activation", "gelu", "--json"],
    "eager": [FOLDER / "tinyshakespeare_torch.py"],
}


def run(name: str, steps: int) -> None:
    """Take the time of a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *COMMANDS[name], "--steps", steps, "--out", folder]
        results = []

        def work() -> None:
            words = list(map(str, command))
            results.append(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)

        seconds = seconds_of(work)
    val_loss = json.loads(results[0])["val_loss"]
    tell(seconds, peak=children_peak_mib(), val_loss=val_loss)


def main() -> None:
    parser = benchmark_parser(__doc__, COMMANDS, rounds=3)
    parser.add_argument(
        "--steps", type=int, default=2000, help=f"{FEWEST_STEPS} or more; fewer for a quick look"
    )
    arguments = parser.parse_args()
    if arguments.contestant:
        run(arguments.contestant, arguments.steps)
        return
    missing = "" if importlib.util.find_spec("torch") else "torch not installed"

    def contestants(steps: int):
        ours = itself(__file__, "ours", "--steps", steps)
        return [ours, itself(__file__, "eager", "--steps", steps, missing=missing)]

    print("once for a few steps:", file=sys.stderr)
    contest(contestants(FEWEST_STEPS), 1)
    print(f"{arguments.steps:,} steps:", file=sys.stderr)
    both = contestants(arguments.steps)
    contest(both, arguments.rounds)
    losses = [one.median("val_loss") for one in both if not one.missing]
    if max(losses) - min(losses) > ALIKE:
        raise SystemExit(f"the contestants do not learn the same: {losses}")
    columns = {"validation loss": ("val_loss", "{:.3f}")}
    report("recipe", [(f"{arguments.steps:,} steps", both, TARGET)], arguments.out, columns)


if __name__ == "__main__":
    main()
