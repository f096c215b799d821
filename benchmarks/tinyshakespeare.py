"""nanoGPT's CPU recipe on the characters of tiny Shakespeare: does it reach the published loss?

    python benchmarks/tinyshakespeare.py [--seeds 3] [--precision bf16] [--json FILE]

nanoGPT's README publishes a validation loss of 1.88 for 2,000 steps of the model in
``examples/tinyshakespeare.toml``. This script trains it with the command line. nanoGPT estimates
the loss on 20 random batches of 12 windows. ``20 batches`` in the table is such an estimate, with
evenly spaced windows; ``all`` is the exact loss over all windows of the validation part.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PUBLISHED = 1.88
RECIPE = Path(__file__).parent.parent / "examples" / "tinyshakespeare.toml"


def scratchgpt(*arguments: object) -> dict:
    """Run a verb with its progress on the terminal; return its JSON result."""
    command = [sys.executable, "-m", "scratchgpt", *map(str, arguments), "--json"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout)


def measure(seed: int, precision: str, folder: Path) -> dict:
    out = folder / f"seed-{seed}"
    options = ("--seed", seed, "--precision", precision, "--out", out)
    trained = scratchgpt("train", "--config", RECIPE, *options)
    exact = scratchgpt("eval", "--model", out, "--which", "last")
    return {
        "seed": seed,
        "val_loss_20_batches": trained["val_loss"],
        "val_loss": exact["loss"],
        "seconds": trained["elapsed"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="number of runs")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument("--json", type=Path, help="also write the table to this file as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(1337 + i, arguments.precision, Path(folder)) for i in range(arguments.seeds)
        ]
    print("seed   validation loss: 20 batches      all   published   training")
    for row in rows:
        print(
            f"{row['seed']:<6} {row['val_loss_20_batches']:>27.4f} {row['val_loss']:>8.4f} "
            f"{PUBLISHED:>11.2f} {row['seconds']:>8.0f} s"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
