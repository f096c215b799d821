"""Time until the validation loss of nanoGPT's CPU recipe: that recipe, and a GPT of today.

    python benchmarks/time_to_loss.py [--seeds 3] [--data FILE] [--json FILE]

The first is ``examples/tinyshakespeare.toml``, a GPT-2 trained with AdamW. The second is
``examples/tinyshakespeare_muon.toml``, a Llama trained with Muon. The runs alternate. The loss is
exact, over all windows of the validation part, after the last step. The time is that of the
training without any evaluation. The second must reach the mean loss of the first; the exit status
is 1 if it does not.
"""

import argparse
import json
import sys
import tempfile
import tomllib
from pathlib import Path
from statistics import mean
from typing import Any

from forms import train
from tinyshakespeare import RECIPE, scratchgpt

RECIPES = {"recipe": RECIPE, "today": RECIPE.with_name("tinyshakespeare_muon.toml")}


def measure(name: str, seed: int, data: Path | None, folder: Path) -> dict[str, Any]:
    """Train one recipe with one seed."""
    recipe = tomllib.loads(RECIPES[name].read_text(encoding="utf-8"))
    if data:
        recipe["corpus"] = [str(data.resolve())]
    recipe["training"]["eval_interval"] = 0
    out = folder / f"{name}-{seed}"
    trained = train(recipe, out, "--seed", seed)
    exact = scratchgpt("eval", "--model", out, "--which", "last")
    row = {"recipe": name, "seed": seed, "loss": exact["loss"], "seconds": trained["elapsed"]}
    print(json.dumps(row), flush=True)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="number of runs of each")
    parser.add_argument("--data", type=Path, help="a text file in place of tiny Shakespeare")
    parser.add_argument("--json", type=Path, help="also write all runs to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(name, seed, arguments.data, Path(folder))
            for seed in range(arguments.seeds)
            for name in RECIPES
        ]
    losses, seconds = (
        {name: mean(row[key] for row in rows if row["recipe"] == name) for name in RECIPES}
        for key in ("loss", "seconds")
    )
    for name in RECIPES:
        print(f"{name:8} loss {losses[name]:.4f}   {seconds[name]:.1f} s")
    print(f"time ratio {seconds['today'] / seconds['recipe']:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return int(losses["today"] > losses["recipe"])


if __name__ == "__main__":
    sys.exit(main())
