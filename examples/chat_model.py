"""Make a chat model on two cores: data, pre-training, fine-tuning, preferences, test.

python examples/chat_model.py --out runs/nib
python examples/chat_model.py --out runs/nib --data FOLDER
python examples/chat_model.py --out runs/small --scale 0.01

The second command adds published conversations; ``published_conversations.py`` lists the kinds. If
the program is stopped, the same command resumes it. The finished model is in ``OUT/chat``, and
``OUT/report.json`` has the result of its test. ``docs/guides/make_a_chat_model.md`` explains all
stages.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from chat_questions import TARGETS, count_right, describe, load_chat, sample_answers, talk
from published_conversations import read_folder

from scratchgpt.backend import random_stream
from scratchgpt.chat import Conversation, Message
from scratchgpt.chat.starter import (
    HeldOut,
    draw_conversations,
    draw_prompts,
    draw_text,
    rank_samples,
)
from scratchgpt.errors import UserError, counted
from scratchgpt.files import make_folder, write_text
from scratchgpt.generation import SamplingConfig
from scratchgpt.recipes import RunConfig, configure, start
from scratchgpt.recipes.code_search import Stage, fastest_precision
from scratchgpt.recipes.resolve import read_run
from scratchgpt.structured import read_json
from scratchgpt.text import train_bpe

# Sizes at --scale 1. The scale multiplies the data and the steps, and its root the width.
N_PARAGRAPHS = 40_000
N_CONVERSATIONS = 50_000
N_PROMPTS = 4_000
STEPS = {"pretrained": 2000, "sft": 3000, "chat": 60}
N_HEAD, HEAD_SIZE, N_LAYER, CONTEXT = 6, 32, 4, 256
VOCABULARY = 2048

MOST_SHOWN = 10  # wrong answers
TIMES = "times.jsonl"


class ChatModel:
    """The folder of a model, and the stages that make it.

    Parameters
    ----------
    out : Path
    scale : float
    seed : int
    published : Path, optional
        Folder with published conversations.
    """

    def __init__(self, out: Path, scale: float, seed: int, published: Path | None) -> None:
        self.out = out
        self.scale = scale
        self.seed = seed
        self.published = published
        self.held_out = HeldOut()
        self.text = out / "text.txt"
        self.tokenizer = out / "tokenizer.json"
        self.conversations = out / "conversations.jsonl"
        self.preferences = out / "preferences.jsonl"
        self.check_settings()

    def check_settings(self) -> None:
        """Save the settings, or raise UserError if the folder has other ones."""
        path = self.out / "settings.json"
        data = None if self.published is None else str(self.published)
        settings = {"scale": self.scale, "seed": self.seed, "data": data}
        if not path.exists():
            if self.out.exists() and any(self.out.iterdir()):
                raise UserError(f"{self.out} has other files; choose a new folder")
            make_folder(self.out)
            write_text(path, json.dumps(settings) + "\n")
        elif (before := read_json(path)) != settings:
            raise UserError(
                f"{self.out} was started with {before}, not {settings}; choose another folder"
            )

    def scaled(self, n: int) -> int:
        return max(2, round(n * self.scale))

    def make(self) -> None:
        """Run all stages; those that are finished are skipped."""
        self.run("data", self.conversations.exists, self.make_data)
        self.train("pretrained", self.configure_pretraining)
        self.train("sft", self.configure_sft)
        self.run("preferences", self.preferences.exists, self.make_preferences)
        self.train("chat", self.configure_dpo)
        self.run("test", lambda: False, self.test)

    def run(self, name: str, is_done: Callable[[], bool], work: Callable[[], None]) -> None:
        print(f"== {name}{': finished already' if is_done() else ''}", flush=True)
        if is_done():
            return
        began, cpu = time.perf_counter(), time.process_time()
        try:
            work()
        finally:
            record = {
                "stage": name,
                "seconds": round(time.perf_counter() - began, 1),
                "cpu_seconds": round(time.process_time() - cpu, 1),
            }
            print(f"{record['seconds']:.0f} s, {record['cpu_seconds']:.0f} CPU s", flush=True)
            with open(self.out / TIMES, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def train(self, name: str, configure_run: Callable[[int, str], RunConfig]) -> None:
        stage = Stage(name, self.out / name, configure_run)
        self.run(name, lambda: stage.is_finished, lambda: self.train_stage(stage))

    def train_stage(self, stage: Stage) -> None:
        resume = stage.is_started
        run = read_run(stage.out) if resume else stage.configure(self.seed, fastest_precision())
        training = start(run, stage.out, resume=resume)
        print(training.describe(), flush=True)
        result = training.train()
        if result.interrupted is not None:
            print(f"stopped at step {result.step:,}; the same command resumes it")
            sys.exit(128 + result.interrupted)
        print(f"{result.step:,} steps, validation loss {result.val_loss:.4f}")

    # Data

    def make_data(self) -> None:
        """Write the text, the tokenizer and the conversations."""
        conversations: list[Sequence[Message]] = []
        if self.published is not None:
            found, left_out = read_folder(self.published, self.held_out)
            conversations += found[: self.scaled(len(found))]
            print(f"published: {len(conversations):,} conversations are used")
            for reason, n in left_out.items():
                print(f"  left out: {n:,} {reason}")
        paragraphs = draw_text(self.scaled(N_PARAGRAPHS), self.seed, self.held_out).split("\n\n")
        paragraphs += ["\n".join(m.content for m in one) for one in conversations]
        order = random_stream(self.seed, "paragraphs").permutation(len(paragraphs))
        text = "\n\n".join(paragraphs[i].strip() for i in order) + "\n"
        n_generated = self.scaled(N_CONVERSATIONS)
        generated = draw_conversations(n_generated, self.seed, self.held_out)
        conversations += list({tuple(one): one for one in generated}.values())
        self.check([*(m.content for one in conversations for m in one), *text.splitlines()])
        write_text(self.text, text)
        # Without digits in its training text, the tokenizer makes a token of each digit.
        train_bpe([re.sub(r"\d", "", text)], VOCABULARY).save(self.tokenizer)
        write_lines(self.conversations, ({"messages": as_json(one)} for one in conversations))
        print(f"{len(text):,} characters of text, {len(conversations):,} conversations")

    def check(self, texts: Sequence[str]) -> None:
        """Raise UserError if a text is a test question or has a held-out sum."""
        leaked = [text for text in texts if self.held_out.has(text)]
        if leaked:
            raise UserError(
                f"the data has {counted(len(leaked), 'text')} of the test: {leaked[0]!r}"
            )
        print(f"{len(texts):,} texts are checked: no test question and no held-out sum is in them")

    def make_preferences(self) -> None:
        """Sample answers of the fine-tuned model, and write right ones over wrong ones."""
        prompts = draw_prompts(self.scaled(N_PROMPTS), self.seed, self.held_out)
        asked = [one.messages for one in prompts]
        self.check([message.content for messages in asked for message in messages])
        sampling = SamplingConfig(temperature=1.0)
        answers = sample_answers(*load_chat(self.out / "sft"), asked, sampling, self.seed)
        texts = [text for text, _ in answers]
        n_right = sum(text in one.right for one, text in zip(prompts, texts, strict=True))
        print(f"{n_right:,} of {len(prompts):,} sampled answers are right")
        preferences, counts = rank_samples(prompts, texts, self.seed)
        print("worse answers:", ", ".join(f"{n:,} {kind}" for kind, n in counts.items()))
        lines = (
            {"prompt": as_json(one.prompt), "chosen": one.answers[0], "rejected": one.answers[1]}
            for one in preferences
        )
        write_lines(self.preferences, lines)

    # Training

    def configure_pretraining(self, seed: int, precision: str) -> RunConfig:
        n_head = max(1, round(N_HEAD * self.scale**0.5))
        return configure(
            corpus=[str(self.text)],
            tokenizer=str(self.tokenizer),
            val_fraction=0.01,
            model={
                "n_layer": N_LAYER,
                "n_head": n_head,
                "n_embd": n_head * HEAD_SIZE,
                "block_size": CONTEXT,
            },
            training={
                **self.training("pretrained", seed, precision),
                "batch_size": 6,
                "lr": 2e-3,
            },
        )

    def configure_sft(self, seed: int, precision: str) -> RunConfig:
        return configure(
            task="sft",
            corpus=[str(self.conversations)],
            init=str(self.out / "pretrained"),
            val_fraction=0.01,
            model={"dropout": 0.0},
            training={
                **self.training("sft", seed, precision),
                "tokens_per_batch": 2048,
                "lr": 1e-3,
                "warmup_steps": 0,
            },
        )

    def configure_dpo(self, seed: int, precision: str) -> RunConfig:
        return configure(
            task="dpo",
            corpus=[str(self.preferences)],
            init=str(self.out / "sft"),
            val_fraction=0.05,
            training={
                **self.training("chat", seed, precision),
                "tokens_per_batch": 4096,
                "lr": 3e-5,
            },
        )

    def training(self, name: str, seed: int, precision: str) -> dict[str, object]:
        steps = self.scaled(STEPS[name])
        interval = max(1, steps // 10)
        return {
            "steps": steps,
            "eval_interval": interval,
            "eval_batches": 8,
            "checkpoint_interval": interval,
            "seed": seed,
            "precision": precision,
        }

    # Test

    def test(self) -> None:
        """Ask the test questions, before and after the preferences, and print the counts."""
        report: dict[str, object] = {"scale": self.scale, "seed": self.seed}
        for name in ("sft", "chat"):
            model, renderer = load_chat(self.out / name)
            counts, wrong = count_right(model, renderer)
            report[name] = counts
            print(f"{name}: {describe(counts)}", flush=True)
        for line in wrong[:MOST_SHOWN]:
            print(f"  wrong: {line}")
        turns = talk(model, renderer)
        for message in turns:
            print(f"{message.role:10} {message.content}")
        report["turns"] = as_json(turns)
        report["stages"] = self.times()
        write_text(self.out / "report.json", json.dumps(report, indent=1) + "\n")
        missed = [kind for kind, target in TARGETS.items() if counts[kind] < target]
        print(f"below its target: {', '.join(missed)}" if missed else "all targets are reached")

    def times(self) -> dict[str, list[float]]:
        """Return the seconds and the CPU seconds of each stage, and print their sums."""
        found: dict[str, list[float]] = {}
        for line in (self.out / TIMES).read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            sums = found.setdefault(record["stage"], [0.0, 0.0])
            sums[0] += record["seconds"]
            sums[1] += record["cpu_seconds"]
        seconds, cpu_seconds = (sum(column) / 60 for column in zip(*found.values(), strict=True))
        print(f"made in {seconds:.1f} minutes, {cpu_seconds:.1f} CPU minutes")
        return found


def as_json(messages: Conversation) -> list[dict[str, str]]:
    return [message._asdict() for message in messages]


def write_lines(path: Path, records: Iterable[object]) -> None:
    write_text(path, "".join(f"{json.dumps(record)}\n" for record in records))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--data", type=Path, help="folder with published conversations")
    parser.add_argument("--scale", type=float, default=1.0, help="0.01 is for a test in seconds")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not 0 < arguments.scale <= 1 or arguments.seed < 0:
        parser.error("--scale must be above 0 and at most 1, and --seed at least 0")
    try:
        ChatModel(arguments.out, arguments.scale, arguments.seed, arguments.data).make()
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
