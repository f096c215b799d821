"""Every kind of file or folder that the command line reads, with commands that read it.

The fuzz tests (``tests/fuzz``) damage a sample of each kind and run its commands. A test fails if
some code reads files and no command of this table runs it, so a new kind of file is added here.
"""

from typing import NamedTuple


class Input(NamedTuple):
    """A kind of path.

    Attributes
    ----------
    kind : str
    commands : tuple of tuples of str
        Arguments of ``scratchgpt``. ``{path}`` is the path to read, and ``{out}`` a new path.
        ``{KIND}`` is a whole sample of another kind.
    """

    kind: str
    commands: tuple[tuple[str, ...], ...]


def _words(*commands: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(command.split()) for command in commands)


_TINY = "--n-layer 1 --n-head 1 --n-embd 4 --block-size 4 --batch-size 1 --steps 1 --eval-batches 1"
_TRANSLATION = (
    "--task translation --tokenizer characters --preset transformer-tiny --n-embd 8 --n-head 1 "
    "--tokens-per-batch 64 --steps 1"
)
_FINETUNE = f"{_TINY} --block-size 8 --out {{out}}"
_CONTRASTIVE = (
    "--tokenizer bpe:260 --n-layer 1 --n-head 1 --n-embd 4 --block-size 16 --batch-size 2 "
    "--steps 1 --val-fraction 0.5"
)
_CHAT = (
    "--tokenizer bpe:257 --n-layer 1 --n-head 1 --n-embd 4 --block-size 24 --tokens-per-batch 64 "
    "--steps 1"
)
_CLASSIFY = "classify --model {run} --by likelihood --label a --label b --template {}"

INPUTS = [
    Input(
        "run",
        _words(
            "train --resume --out {path}",
            "eval --model {path}",
            "generate --model {path} --max-new-tokens 2 --prompt a",
            "classify --model {path} --by likelihood --label a --label b --template {} fox",
            "info {path}",
            "export {path} --out {out}",
            "explore {path} --no-landscape --tokens 3 --out {out}",
        ),
    ),
    Input("translation-run", _words("translate --model {path} ab", "eval --model {path}")),
    Input("task-run", _words("eval --model {path}")),
    Input(
        "model",
        _words(
            "generate --model {path} --max-new-tokens 2",
            "eval --model {path} {text}",
            "quantize {path} --out {out}",
            "train {text} --init {path} --steps 1 --out {out}",
        ),
    ),
    Input(
        "quantized-model",
        _words("generate --model {path} --max-new-tokens 2", "info {path}"),
    ),
    Input("huggingface", _words("import {path} --out {out}")),
    Input("shards", _words("import {path} --out {out}")),
    Input(
        "sentence-transformers",
        _words("import {path} --out {out}", "export {path} --out {out}"),
    ),
    Input(
        "nanogpt.safetensors",
        _words("import {path} --format nanogpt --n-head 1 --out {out}"),
    ),
    Input(
        "mingpt.safetensors",
        _words("import {path} --format mingpt --n-head 1 --out {out}"),
    ),
    Input("llmc.bin", _words("import {path} --out {out}")),
    Input(
        "tokenizer.json",
        _words(
            "tokenizer show {path} ab",
            "data prepare {text} --tokenizer {path} --out {out}",
        ),
    ),
    Input("vocabulary", _words("data prepare {text} --tokenizer {path} --out {out}")),
    Input("text", _words("data prepare {path} --out {out}", "tokenizer train {path} --out {out}")),
    Input("texts", _words("data prepare {path} --out {out}")),
    Input(
        "prepared",
        _words(
            "data prepare {text} --out {path}",
            "data show {path}",
            f"train {{path}} {_TINY} --out {{out}}",
        ),
    ),
    Input("preparation", _words("data prepare {text} --out {path}")),
    Input(
        "pairs.tsv",
        _words(
            f"train {{path}} {_TRANSLATION} --out {{out}}",
            f"contrastive {{path}} {_CONTRASTIVE} --out {{out}}",
        ),
    ),
    Input("text-pairs.jsonl", _words(f"contrastive {{path}} {_CONTRASTIVE} --out {{out}}")),
    Input("paragraphs.md", _words(f"contrastive {{path}} {_CONTRASTIVE} --out {{out}}")),
    Input("pairs.jsonl", _words(f"train {{path}} {_TRANSLATION} --out {{out}}")),
    Input("pairs.tsv.gz", _words(f"train {{path}} {_TRANSLATION} --out {{out}}")),
    Input(
        "lines",
        _words("translate --model {translation-run} --file {path}", f"{_CLASSIFY} {{path}}"),
    ),
    Input(
        "labeled.csv",
        _words(
            f"{_CLASSIFY} --gold label {{path}}",
            f"finetune {{path}} --tokenizer bytes {_FINETUNE}",
            "predict --model {labeled-run} {path}",
        ),
    ),
    Input(
        "labeled.tsv",
        _words(
            f"{_CLASSIFY} --gold label --json {{path}}",
            f"finetune {{path}} --tokenizer bpe:260 {_FINETUNE}",
        ),
    ),
    Input(
        "labeled.jsonl",
        _words(f"{_CLASSIFY} --column label {{path}}", "eval --model {labeled-run} {path}"),
    ),
    Input(
        "scored.jsonl",
        _words(
            "finetune {path} --task similarity --label-column score --tokenizer bytes " + _FINETUNE
        ),
    ),
    Input(
        "labeled-run",
        _words(
            "finetune --resume --out {path}",
            "predict --model {path} ab --json",
            "eval --model {path}",
            "info {path}",
        ),
    ),
    Input(
        "series.csv",
        _words(
            "forecast {path} --order 1,0,0 --steps 2 --json",
            "forecast {path} --order 0,1,1 --steps 2 --column 2",
        ),
    ),
    Input(
        "future.csv",
        _words("forecast {regression.csv} --column y --exog x --future {path} --steps 2"),
    ),
    Input(
        "encoder",
        _words(
            "embed --model {path} ab --out {out}.npy",
            "search --model {path} fox {texts} --index {out}",
        ),
    ),
    Input("searched", _words("search --lexical fox {path} --index {out}")),
    Input("document", _words("embed --model {encoder} {path} --out {out}.jsonl")),
    Input(
        "index",
        _words(
            "search --model {encoder} fox {texts} --index {path}",
            "index {texts} --status --index {path}",
            "search --lexical fox {texts} --index {path}",
        ),
    ),
    Input(
        "conversations.jsonl",
        _words(
            f"sft {{path}} {_CHAT} --out {{out}}",
            "eval --model {chat-run} {path}",
            "grpo {path} --init {chat-run} --reward-model {reward-run} --steps 2 --n-prompts 1 "
            "--n-samples 2 --max-new-tokens 2 --out {out}",
            "ppo {path} --init {chat-run} --reward-model {reward-run} --steps 2 --n-prompts 2 "
            "--minibatches 1 --grad-accum 1 --max-new-tokens 2 --out {out}",
        ),
    ),
    Input(
        "preferences.jsonl",
        _words(
            f"reward {{path}} {_CHAT} --out {{out}}",
            "dpo {path} --init {chat-run} --steps 1 --out {out}",
            "eval --model {reward-run} {path}",
        ),
    ),
    Input("reward-run", _words("eval --model {path}", "reward --resume --out {path}")),
    Input("dpo-run", _words("eval --model {path}", "dpo --resume --out {path}")),
    Input(
        "chat-run",
        _words(
            "eval --model {path}",
            "sft --resume --out {path}",
            "chat --model {path} --max-new-tokens 2 --prompt a",
        ),
    ),
    Input(
        "conversation.jsonl",
        _words("chat --model {chat-run} --load {path} --max-new-tokens 2 --prompt a"),
    ),
    Input("attributes", _words("zero-shot {path} --json", "zero-shot {path} --raw")),
    Input("sweep.toml", _words("sweep {path} --trials 1 --out {out}")),
    Input("settings.toml", _words(f"train {{text}} --config {{path}} {_TINY} --out {{out}}")),
]
