"""From GPT-2 to Llama, change by change: what each change does to the loss and to the time.

    python benchmarks/forms.py [--data FILE] [--steps 2000] [--seeds 0 1 2]

The recipe is that of ``tinyshakespeare.py``: characters of tiny Shakespeare, 4 layers of 128
channels, AdamW. Each row of :data:`CHANGES` is trained from the same batches with one change more
than the row before it. The last rows are alternatives to a change, from the form before them.
``loss`` is the exact loss over all windows of the validation part after the last step, the mean
over the seeds, with the standard deviation. ``ms`` is the median time of a step, which only counts
on a quiet machine.
"""

import argparse
import json
import tempfile
import tomllib
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tinyshakespeare import RECIPE, scratchgpt

from scratchgpt.models import load_pretrained

# Name, settings that change, and the number of the row it starts from; by default the one before.
# With a gate, an inner width of 344 has as many weights as 512 without one.
CHANGES: list[tuple[str, dict[str, Any], int | None]] = [
    ("GPT-2", {"bias": True}, None),
    ("no biases", {"bias": False}, None),
    ("RMS norm", {"norm": "rms"}, None),
    ("rotary positions", {"positions": "rotary"}, None),
    ("gated product, SiLU", {"gated_mlp": True, "activation": "silu", "n_inner": 344}, None),
    ("2 key-value heads of 4", {"n_kv_head": 2}, None),
    ("norm of queries and keys", {"qk_norm": "before_rotary"}, None),
    ("squared ReLU, no gate", {"activation": "relu_squared"}, 3),
    ("logits capped at 15", {"logit_soft_cap": 15.0}, 6),
]


def settings_of(row: int) -> dict[str, Any]:
    """Return the settings of a row, with those of the rows it starts from."""
    _, changed, start = CHANGES[row]
    before = (row - 1 if start is None else start) if row else None
    return changed if before is None else {**settings_of(before), **changed}


def as_toml(table: dict[str, Any]) -> str:
    """Return a configuration as TOML."""
    lines = [f"{k} = {json.dumps(v)}" for k, v in table.items() if not isinstance(v, dict)]
    for name, part in table.items():
        if isinstance(part, dict):
            lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in part.items())]
    return "\n".join(lines) + "\n"


def train(config: dict[str, Any], out: Path, *options: object) -> dict[str, Any]:
    """Train from a configuration, and return the result; the file is written beside ``out``."""
    file = out.with_suffix(".toml")
    file.write_text(as_toml(config), encoding="utf-8")
    return scratchgpt("train", "--config", file, *options, "--out", out)


def measure(row: int, seed: int, steps: int, data: Path | None, folder: Path) -> dict[str, Any]:
    """Train one form with one seed."""
    recipe = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    if data:
        recipe["corpus"] = [str(data.resolve())]
    recipe["model"] = {**recipe.get("model", {}), **settings_of(row)}
    out = folder / f"{row}-{seed}"
    trained = train(recipe, out, "--seed", seed, "--steps", steps, "--eval-interval", 0)
    exact = scratchgpt("eval", "--model", out, "--which", "last")
    return {
        "change": CHANGES[row][0],
        "seed": seed,
        "parameters": load_pretrained(out).store.size,
        "loss": exact["loss"],
        "ms": 1000 * trained["elapsed"] / steps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="a text file in place of tiny Shakespeare")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="also write all runs to this file")
    arguments = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in arguments.seeds:
            for row in range(len(CHANGES)):
                run = measure(row, seed, arguments.steps, arguments.data, Path(folder))
                runs.append(run)
                print(json.dumps(run), flush=True)
    print(f"\n{'':28} {'parameters':>10}  {'loss':>15} {'ms':>7}")
    for name, _, _ in CHANGES:
        own = [run for run in runs if run["change"] == name]
        losses = [run["loss"] for run in own]
        spread = f" ± {stdev(losses):.4f}" if len(losses) > 1 else ""
        loss = f"{mean(losses):.4f}{spread}"
        ms = mean(run["ms"] for run in own)
        print(f"{name:28} {own[0]['parameters']:>10,}  {loss:>15} {ms:>7.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
