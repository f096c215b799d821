"""nanoGPT's CPU recipe, from command line to exit, compared with the same in eager PyTorch.

    python benchmarks/recipe.py [--rounds 3] [--steps 2000]

The time is that of the whole process: its start, all evaluations (20 batches each, before the first
step, every 250 steps and after the last) and all checkpoints. Model, batches and schedule are
equal: nanoGPT's, with the exact GELU. `scratchgpt train` also writes a log, plots and a sample of
300 tokens. Compilation and corpus preparation are not timed, because each program first runs once
for a few steps.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from interleave import benchmark_parser, contest, contestant_of
from measure import children_peak_mib, print_result, seconds_of
from report import report
from tinyshakespeare import RECIPE

TARGET = 0.70
FEWEST_STEPS = 100  # steps of warm-up
ALIKE = 0.1  # maximum difference of the losses of two seeds
FOLDER = Path(__file__).parent
COMMANDS = {
    "ours": ["-m", "scratchgpt", "train", "--config", RECIPE, "--activation", "gelu", "--json"],
    "eager": [FOLDER / "tinyshakespeare_torch.py"],
}


def run(name: str, steps: int) -> None:
    """Time a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *COMMANDS[name], "--steps", steps, "--out", folder]
        results = []

        def work() -> None:
            words = list(map(str, command))
            results.append(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)

        seconds = seconds_of(work)
    val_loss = json.loads(results[0])["val_loss"]
    print_result(seconds, peak=children_peak_mib(), val_loss=val_loss)


def main() -> None:
    parser = benchmark_parser(__doc__, COMMANDS, rounds=3)
    parser.add_argument(
        "--steps",
        type=int,
        default=2000,
        help=f"{FEWEST_STEPS} or more; fewer steps for a quick test",
    )
    arguments = parser.parse_args()
    if arguments.contestant:
        run(arguments.contestant, arguments.steps)
        return
    missing = "" if importlib.util.find_spec("torch") else "torch not installed"

    def contestants(steps: int):
        ours = contestant_of(__file__, "ours", "--steps", steps)
        return [ours, contestant_of(__file__, "eager", "--steps", steps, missing=missing)]

    print("warm-up with a few steps:", file=sys.stderr)
    contest(contestants(FEWEST_STEPS), 1)
    print(f"{arguments.steps:,} steps:", file=sys.stderr)
    both = contestants(arguments.steps)
    contest(both, arguments.rounds)
    losses = [one.median("val_loss") for one in both if not one.missing]
    if max(losses) - min(losses) > ALIKE:
        raise SystemExit(f"the contestants do not reach the same loss: {losses}")
    columns = {"validation loss": ("val_loss", "{:.3f}")}
    report("recipe", [(f"{arguments.steps:,} steps", both, TARGET)], arguments.out, columns)


if __name__ == "__main__":
    main()
