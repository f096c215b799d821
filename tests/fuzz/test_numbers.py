"""Extreme values of every option that takes a number: accepted, or refused in one line."""

import re
import sys

import pytest
from typer.main import get_command

from scratchgpt.cli.app import app

VALUES = ["0", "-1", str(10**20), "1e308", "nan", "999999999"]

_TINY = "--n-layer 1 --n-head 1 --n-embd 4 --block-size 4 --batch-size 1 --eval-batches 1"
_CHAT = (
    "--steps 1 --out {out} --tokenizer bpe:257 --n-layer 1 --n-head 1 --n-embd 4 --block-size 24 "
    "--tokens-per-batch 64"
)
# A short command of each verb. {KIND} is a sample.
COMMANDS = {
    "train": "train {text} --steps 1 --out {out} " + _TINY,
    "sft": "sft {conversations.jsonl} " + _CHAT,
    "reward": "reward {preferences.jsonl} " + _CHAT,
    "dpo": "dpo {preferences.jsonl} --init {chat-run} --steps 1 --out {out}",
    "grpo": "grpo {conversations.jsonl} --init {chat-run} --reward-model {reward-run} --steps 2 "
    "--n-prompts 2 --n-samples 2 --max-new-tokens 2 --out {out}",
    "ppo": "ppo {conversations.jsonl} --init {chat-run} --reward-model {reward-run} --steps 2 "
    "--n-prompts 2 --minibatches 1 --grad-accum 1 --max-new-tokens 2 --out {out}",
    "finetune": "finetune {labeled.csv} --tokenizer bytes --steps 1 --out {out} "
    + _TINY.replace("--block-size 4", "--block-size 8"),
    "contrastive": "contrastive {pairs.tsv} --tokenizer bpe:260 --n-layer 1 --n-head 1 --n-embd 4 "
    "--block-size 16 --batch-size 2 --val-fraction 0.5 --steps 1 --out {out}",
    "predict": "predict -m {labeled-run} ab",
    "generate": "generate -m {model} -p a --max-new-tokens 1",
    "chat": "chat -m {chat-run} -p a --max-new-tokens 1",
    "translate": "translate -m {translation-run} ab",
    "classify": "classify -m {run} --by likelihood -l a -l b --template {} fox",
    "eval": "eval -m {run}",
    "import": "import {nanogpt.safetensors} --format nanogpt --n-head 1 --out {out}",
    "export": "export {model} --out {out}",
    "forecast": "forecast {series.csv} --order 0,1,1 --steps 1",
    "zero-shot": "zero-shot {attributes}",
    "info": "info {model}",
    "verify": "verify dropout",
    "bench": "bench {model} --seconds 0 --steps 1 --no-breakdown",
    "tokenizer train": "tokenizer train {text} --out {out}",
    "data prepare": "data prepare {text} --out {out}",
    "search": "search --lexical fox {texts} --index {out}",
    "index": "index {texts} --index {out}",
    "serve": "serve -m {translation-run}",  # refused at the end, so that no server is started
    "embed": "embed -m {encoder} ab --out {out}.npy",
    "data show": "data show {prepared}",
    "sweep": "sweep {sweep.toml} --trials 1 --out {out}",
    "explore": "explore {run} --no-landscape --out {out}",
}
# Large values are useful, and take as long as the user asked for: Ctrl-C ends them.
LONG = {
    ("train", "--steps"): "a run may last for weeks",
    ("train", "--grad-accum"): "micro-batches need no memory",
    ("generate", "--max-new-tokens"): "the text is printed while it is generated",
}


def verbs(command, path=()):
    """Yield each verb with the names of its options."""
    for name, below in getattr(command, "commands", {}).items():
        yield from verbs(below, (*path, name))
    if not hasattr(command, "commands"):
        yield " ".join(path), [max(p.opts, key=len) for p in command.params if takes_number(p)]


def takes_number(parameter):
    """Whether an option refuses text: as a number and not as anything else."""
    if getattr(parameter, "is_flag", False) or parameter.param_type_name == "argument":
        return False
    return accepts(parameter, "1") and not accepts(parameter, "a")


def accepts(parameter, value):
    """Whether an option takes a value."""
    command = get_command(app)
    context = command.make_context("scratchgpt", ["info"])
    try:
        parameter.process_value(context, [value] if parameter.multiple else value)
    except Exception:
        return False
    return True


# These have the settings of a run as options, as `train` has: those that both have are tried once.
LIKE_TRAIN = {"contrastive", "finetune", "sft", "reward", "dpo", "grpo", "ppo"}
_OPTIONS = dict(verbs(get_command(app)))
CASES = [
    (verb, option)
    for verb, options in _OPTIONS.items()
    for option in options
    if not (verb in LIKE_TRAIN and option in _OPTIONS["train"])
]


def test_the_options_that_take_numbers_are_found():
    assert {("train", "--steps"), ("translate", "--alpha"), ("bench", "--batch")} <= set(CASES)
    assert len(CASES) > 50
    assert not {verb for verb, _ in CASES} - set(COMMANDS), "add a short command of the verb"
    assert set(CASES) >= set(LONG)


@pytest.mark.compiled
@pytest.mark.parametrize(("verb", "option"), CASES, ids=lambda word: word)
def test_extreme_numbers_are_accepted_or_refused_in_one_line(
    fuzz, samples, tmp_path, monkeypatch, verb, option
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # plots take most of the time
    for value in VALUES[:-1] if (verb, option) in LONG else VALUES:
        places = {**samples, "out": tmp_path / f"out{value}"}
        command = re.sub(r"\{([^}]+)\}", lambda m: str(places[m[1]]), COMMANDS[verb])  # noqa: B023
        outcome, detail = fuzz.run_quietly([*command.split(), option, value], seconds=600)
        assert outcome in fuzz.GOOD, f"{verb} {option} {value}: {outcome}: {detail}"
        assert outcome == "refused" or value != "nan"
