"""Preferences, five-fold: a reward model against words, and the reward that DPO implies.

python benchmarks/preferences.py --data preferences.json --pretrained RUN [--folds 5] [--json FILE]

The file is a JSON list of objects with instruction, input, chosen and rejected. In each fold, a
fifth of the prompts (by hash) is held out. The model of ``--pretrained`` is fine-tuned on the
chosen answers of the other prompts; from there, DPO and a reward model learn from their
preferences. The baseline is a linear Bradley-Terry model on words and pairs of words. The
difference between reward model and words is paired, over all held-out preferences.
"""

import argparse
import hashlib
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from scratchgpt.chat import Message, Preferences, Renderer
from scratchgpt.evaluation import BradleyTerry, paired_bootstrap
from scratchgpt.models import GPT, GPTReward, load_pretrained
from scratchgpt.recipes import configure, train
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.recipes.preferences import batches_of
from scratchgpt.recipes.reward import score_answers
from scratchgpt.text import load_tokenizer
from scratchgpt.text.code.words import words

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """Return prompt, chosen and rejected of each preference whose answers differ."""
    rows = []
    for one in json.loads(path.read_text(encoding="utf-8")):
        prompt = "\n".join(filter(None, (one["instruction"], one["input"])))
        if one["chosen"] != one["rejected"]:
            rows.append({"prompt": prompt, "chosen": one["chosen"], "rejected": one["rejected"]})
    return rows


def fold_of(row: Row, folds: int) -> int:
    return hashlib.sha256(row["prompt"].encode()).digest()[0] % folds


def write_corpora(folder: Path, rows: list[Row]) -> None:
    """Write conversations and preferences."""
    with open(folder / "sft.jsonl", "x", encoding="utf-8") as file:
        for row in rows:
            messages = [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["chosen"]},
            ]
            file.write(json.dumps({"messages": messages}) + "\n")
    with open(folder / "pairs.jsonl", "x", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def run_fold(rows: list[Row], fold: int, arguments: argparse.Namespace) -> list[dict[str, object]]:
    """Train on all other folds; return what each method says of each held-out preference."""
    held_out = [row for row in rows if fold_of(row, arguments.folds) == fold]
    others = [row for row in rows if fold_of(row, arguments.folds) != fold]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpora(folder, others)
        seconds = {}

        def learn(task: str, file: str, init: Path, epochs: float, **settings: float) -> Path:
            out = folder / task
            training = {"seed": fold, "eval_interval": 10**6, **settings}
            run = configure(
                task=task,
                corpus=[str(folder / file)],
                init=str(init),
                val_fraction=0.02,
                training=training | {"steps": round(epochs * arguments.steps_per_epoch)},
            )
            began = time.process_time()
            train(run, out)
            seconds[task] = time.process_time() - began
            return out

        sft = learn("sft", "sft.jsonl", arguments.pretrained, arguments.sft_epochs, lr=1e-3)
        dpo = learn("dpo", "pairs.jsonl", sft, arguments.epochs, lr=arguments.dpo_lr)
        reward = learn("reward", "pairs.jsonl", sft, arguments.epochs, lr=arguments.reward_lr)
        reference, policy, scorer = (load_pretrained(find_model(p)) for p in (sft, dpo, reward))
        renderer = Renderer(load_tokenizer(find_model(sft)))

    texts = [words(row[name]) for row in others for name in ("chosen", "rejected")]
    linear = BradleyTerry(texts, [(2 * i, 2 * i + 1) for i in range(len(others))])
    results: list[dict[str, object]] = []
    for row in held_out:
        one = Preferences(
            [Message("user", row["prompt"])], [row["chosen"], row["rejected"]], [(0, 1)]
        )
        assert isinstance(scorer, GPTReward)
        by_reward = np.subtract(*score_answers(scorer, renderer, one))
        by_words = np.subtract(*linear.scores([words(row["chosen"]), words(row["rejected"])]))
        ratios = log_probs(policy, renderer, one) - log_probs(reference, renderer, one)
        results.append(
            {
                "reward model": right(by_reward),
                "words": right(by_words),
                "DPO": right(ratios[0] - ratios[1]),
                "longer": right(len(row["chosen"]) - len(row["rejected"])),
            }
        )
    shown = {name: f"{np.mean([r[name] for r in results]):.1%}" for name in results[0]}
    spent = {task: f"{value:.0f} s" for task, value in seconds.items()}
    print(f"fold {fold}: {len(held_out)} held out; {shown}; {spent} of one core", flush=True)
    return results


def log_probs(model: object, renderer: Renderer, one: Preferences) -> np.ndarray:
    """Return the log-probability of each answer."""
    from scratchgpt.chat import encode_preferences, reference_log_probs

    assert isinstance(model, GPT)
    part = encode_preferences([one], renderer, model.config.block_size + 1)
    return reference_log_probs(model, batches_of(part))[:2]


def right(difference: float) -> float:
    return float((1 + np.sign(difference)) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pretrained", type=Path, required=True, help="run of a language model")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, nargs="+", help="run only these folds")
    parser.add_argument("--steps-per-epoch", type=int, default=20)
    parser.add_argument("--sft-epochs", type=float, default=3)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--dpo-lr", type=float, default=3e-4)
    parser.add_argument("--reward-lr", type=float, default=3e-4)
    parser.add_argument("--json", type=Path, help="also write all answers to this file")
    arguments = parser.parse_args()
    rows = read_rows(arguments.data)
    found: list[dict[str, object]] = []
    for fold in arguments.only or range(arguments.folds):
        found += run_fold(rows, fold, arguments)
    print(f"{len(found):,} preferences, each held out once")
    columns = {name: np.array([row[name] for row in found], float) for name in found[0]}
    for name, column in columns.items():
        print(f"{name:14}{column.mean():8.2%}")
    gap = paired_bootstrap(columns["reward model"], columns["words"])
    print(f"reward model above words: {gap}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
