"""Reinforcement of a half-trained model of sums: the CPU seconds to 95 % and 99 % right answers.

python benchmarks/reinforce.py --method grpo --seeds 0 1 2 --json FILE

A GPT (preset gpt-nano, with which minGPT learns sums) is trained on sums of two-digit numbers until
it answers 60 % of the held-out problems. Then the method trains it with reward 1 for a right
answer, with its default settings or those of ``--set``. The seconds are CPU time of the process
from the first update on, without the evaluations. The accuracy is the share of the held-out
problems that are right in every symbol, by greedy search and with one sample each.
"""

import argparse
import contextlib
import json
import tempfile
import time
from pathlib import Path

from scratchgpt.recipes import configure, start
from scratchgpt.training import EvaluationRecord, StepRecord, Trainer

TASK = "addition:2"
START = 0.6
LEVELS = (0.95, 0.99)


def half_trained(seed: int, out: Path, preset: str) -> None:
    """Train a model until it answers 60 % of the held-out problems, with a constant rate."""
    training = {"steps": 2000, "batch_size": 128, "lr": 2e-3, "schedule": "constant", "seed": seed}
    judged = {"eval_interval": 10, "best": "exact_match", "best_mode": "max"}
    run = start(configure(task=TASK, preset=preset, training={**training, **judged}), out)

    def stop_if_good(trainer: Trainer, record: EvaluationRecord) -> None:
        if record.measures["exact_match"] >= START:
            raise KeyboardInterrupt

    run.trainer.on("evaluation", stop_if_good)
    with contextlib.suppress(KeyboardInterrupt):
        run.train()  # best/ has the model


def reinforce(
    method: str, seed: int, init: Path, out: Path, settings: dict[str, dict[str, object]]
) -> dict[str, object]:
    """Train a half-trained model on rewards; return its accuracies and their CPU seconds."""
    training = {"seed": seed, **settings["training"]}
    run = configure(
        task=method, corpus=[TASK], init=str(init), training=training, method=settings["method"]
    )
    training_run = start(run, out)
    scores: list[tuple[float, float, float]] = []
    spent, began = 0.0, time.process_time()

    def after_step(trainer: Trainer, record: StepRecord) -> None:
        nonlocal spent, began
        now = time.process_time()
        spent, began = spent + now - began, now

    def after_evaluation(trainer: Trainer, record: EvaluationRecord) -> None:
        nonlocal began
        greedy, sampled = (record.measures[key] for key in ("exact_match", "sampled_exact_match"))
        scores.append((spent, greedy, sampled))
        print(f"  {spent:6.1f} s  greedy {greedy:.4f}  sampled {sampled:.4f}", flush=True)
        began = time.process_time()

    training_run.trainer.on("step", after_step)
    training_run.trainer.on("evaluation", after_evaluation)
    training_run.train()
    found: dict[str, object] = {"method": method, "seed": seed, "start": round(scores[0][1], 4)}
    for level in LEVELS:
        reached = next((s for s, greedy, _ in scores if greedy >= level), None)
        found[f"seconds_to_{level:g}"] = None if reached is None else round(reached, 1)
    seconds, greedy, sampled = scores[-1]
    return {
        **found,
        "seconds": round(seconds, 1),
        "exact_match": round(greedy, 4),
        "sampled_exact_match": round(sampled, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", choices=("grpo", "ppo"), default="grpo")
    parser.add_argument("--preset", default="gpt-nano", help="the size of the model")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--set",
        type=json.loads,
        default={},
        help='other settings, for example {"training": {"lr": 3e-4}, "method": {"beta": 0.1}}',
    )
    parser.add_argument("--init", type=Path, help="keep the half-trained models in this folder")
    parser.add_argument("--json", type=Path, help="also write all rows to this file")
    arguments = parser.parse_args()
    settings = {"training": {}, "method": {}, **arguments.set}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        starts = arguments.init or Path(folder) / "starts"
        for seed in arguments.seeds:
            init = starts / f"seed{seed}"
            if not init.exists():
                half_trained(seed, init, arguments.preset)
            out = Path(folder) / f"run{seed}"
            rows.append(reinforce(arguments.method, seed, init, out, settings))
            print(json.dumps(rows[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
