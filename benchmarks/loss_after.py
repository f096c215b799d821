"""The best validation loss of tiny Shakespeare after a given time: a GPT-2, and a GPT of today.

    python benchmarks/loss_after.py [--minutes 45] [--seeds 0 1 2] [--recipes today] [--json FILE]

nanoGPT's recipe for a GPU publishes 1.4697, with 6 layers of 384 channels and 5,000 steps of 64
windows of 256 characters: ten times the arithmetic that two CPU cores have in this time. So both
models here have 6 layers of 256 channels, and read 16 such windows per step, with dropout 0.1. The
GPT-2 is trained with AdamW and a cosine, the other with Muon and a decay at the end.

The time of a step is measured first, on a quiet machine; the schedule then has as many steps as fit
into the time without any evaluation. So a run may be repeated under load with ``--steps``, and its
loss is the same. The loss is exact, over all windows of the validation part, of the checkpoint that
was best on estimates (``--which best``), as nanoGPT chooses it; that of the last step is reported
too.
"""

import argparse
import json
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import forms
from tinyshakespeare import scratchgpt

PUBLISHED = 1.4697
SIZES = {"n_layer": 6, "n_head": 4, "n_embd": 256, "block_size": 256, "dropout": 0.1}
COMMON = {
    **{"batch_size": 16, "warmup_steps": 100, "beta1": 0.9, "beta2": 0.99, "grad_clip": 1.0},
    "eval_batches": 20,
}
RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    "gpt2": {
        "model": {**SIZES, "bias": False},
        "training": {**COMMON, "lr": 1e-3, "min_lr": 1e-4, "weight_decay": 0.1},
    },
    "today": {
        "model": {
            **{**SIZES, "bias": False, "norm": "rms", "positions": "rotary", "n_inner": 688},
            **{"gated_mlp": True, "activation": "silu", "qk_norm": "after_rotary"},
        },
        "training": {
            **{**COMMON, "lr": 2e-3, "min_lr": 0.0, "weight_decay": 0.1},
            **{"optimizer": "muon", "muon_lr": 0.02, "schedule": "wsd", "decay_steps": 0.5},
        },
    },
}
FEW, MANY = 5, 25  # steps of the two runs whose difference is the time of a step
N_EVALUATIONS = 20


def train(
    name: str, precision: str, seed: int, data: Path | None, folder: Path, **settings: Any
) -> tuple[dict[str, Any], Path]:
    """Train a recipe; return the result and the folder of the run."""
    recipe = RECIPES[name]
    training = {**recipe["training"], "precision": precision, "seed": seed, **settings}
    corpus = str(data.resolve()) if data else "tinyshakespeare"
    config = {"corpus": [corpus], "tokenizer": "characters", **recipe, "training": training}
    out = Path(tempfile.mkdtemp(dir=folder)) / "run"
    return forms.train(config, out), out


def steps_in(name: str, precision: str, seconds: float, data: Path | None, folder: Path) -> int:
    """Return how many steps fit into a time."""
    times = []
    for steps in (FEW, FEW, MANY):  # kernels are compiled in the first run
        settings = {"steps": steps, "eval_interval": 0, "warmup_steps": 1}
        times.append(train(name, precision, 0, data, folder, **settings)[0]["elapsed"])
    return int(seconds / ((times[2] - times[1]) / (MANY - FEW)))


def measure(
    name: str, precision: str, seed: int, steps: int, data: Path | None, folder: Path
) -> dict[str, Any]:
    """Train a recipe with one seed for a number of steps."""
    settings = {"steps": steps, "eval_interval": max(1, steps // N_EVALUATIONS)}
    trained, out = train(name, precision, seed, data, folder, **settings)
    return {
        **{"recipe": name, "precision": precision, "seed": seed, "steps": steps},
        "best_step": trained["best_step"],
        **{w: scratchgpt("eval", "--model", out, "--which", w)["loss"] for w in ("best", "last")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    precisions = ("float32", "bf16")
    parser.add_argument("--precisions", nargs="+", choices=precisions, default=precisions)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="measure no time; train this many steps")
    parser.add_argument("--data", type=Path, help="a text file in place of tiny Shakespeare")
    parser.add_argument("--json", type=Path, help="also write all runs to this file")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        steps = {
            one: arguments.steps or steps_in(*one, 60 * arguments.minutes, arguments.data, folder)
            for one in product(arguments.recipes, arguments.precisions)
        }
        print(json.dumps({"steps": {" ".join(one): n for one, n in steps.items()}}), flush=True)
        for seed, one in product(arguments.seeds, steps):
            rows.append(measure(*one, seed, steps[one], arguments.data, folder))
            print(json.dumps(rows[-1]), flush=True)
    print(f"\n{'':16}seed   steps  {'best':>7} (at step)  {'last':>7}   published {PUBLISHED}")
    for row in rows:
        print(
            f"{row['recipe']:8}{row['precision']:8}{row['seed']:4} {row['steps']:7,}  "
            f"{row['best']:7.4f} {row['best_step']:>9,}  {row['last']:8.4f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
