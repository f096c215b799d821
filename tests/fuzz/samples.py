"""A whole sample of each kind of file in ``scratchgpt.cli.inputs``, as small as possible."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
from scipy.io import savemat
from tokenizers.pre_tokenizers import ByteLevel

from scratchgpt.cli.app import app
from scratchgpt.cli.inputs import INPUTS
from scratchgpt.embeddings import TextEncoder, add_roles
from scratchgpt.embeddings.prompts import Prompts
from scratchgpt.models import GPTEncoder, GPTEncoderConfig, load_pretrained, save_pretrained
from scratchgpt.text import train_bpe
from scratchgpt.text.corpora.state import State

TEXT = "the quick brown fox jumps over the lazy dog\n" * 8
PAIRS = [("ab", "ba"), ("abc", "cba"), ("bca", "acb"), ("aa", "aa")] * 8
SIZES = ["--n-layer", 1, "--n-head", 1, "--n-embd", 4, "--block-size", 8]
SIZES += ["--batch-size", 1, "--eval-batches", 1]


def make_samples(folder: Path) -> dict[str, Path]:
    """Create a sample of each kind; return the path of each."""
    paths = {one.kind: folder / one.kind for one in INPUTS}
    paths["regression.csv"] = folder / "regression.csv"
    folder.mkdir(parents=True, exist_ok=True)
    paths["text"].write_text(TEXT)
    paths["texts"].mkdir()
    for name in ("a.txt", "b.md"):
        (paths["texts"] / name).write_text(TEXT)
    _write_pairs(paths)
    _write_series(paths)
    _write_models(paths)
    _write_prepared(paths)
    _write_index(paths)
    _write_attributes(paths["attributes"])
    _write_chat(paths)
    paths["settings.toml"].write_text(
        'tokenizer = "bytes"\n[model]\nn_layer = 1\n[training]\nseed = 3\n'
    )
    # If a line is deleted, the run is still short.
    paths["sweep.toml"].write_text(
        f'corpus = ["{paths["text"]}"]\n'
        "model = { n_layer = 1, n_head = 1, n_embd = 4, block_size = 4 }\n"
        "training = { steps = 1, batch_size = 1, eval_batches = 1 }\n"
        "[sweep.training]\nlr = { low = 1e-3, high = 0.1, log = true }\nsteps = [1, 2]\n"
    )
    missing = [kind for kind, path in paths.items() if not path.exists()]
    if missing:
        raise ValueError(f"no sample of {', '.join(missing)}; add it to {__file__}")
    return paths


def _command(*arguments: object) -> None:
    app([str(argument) for argument in arguments], standalone_mode=False)


def _write_pairs(paths: dict[str, Path]) -> None:
    tsv = "".join(f"{source}\t{target}\n" for source, target in PAIRS)
    paths["pairs.tsv"].write_text(tsv)
    paths["pairs.tsv.gz"].write_bytes(gzip.compress(tsv.encode(), mtime=0))
    lines = [json.dumps({"source": source, "target": target}) for source, target in PAIRS]
    paths["pairs.jsonl"].write_text("\n".join(lines) + "\n")
    objects = [json.dumps({"query": q, "document": d, "negative": "c"}) for q, d in PAIRS]
    paths["text-pairs.jsonl"].write_text("\n".join(objects) + "\n")
    paragraphs = [f"The fox number {i} jumps over a dog and a cat." for i in range(8)]
    paths["paragraphs.md"].write_text("# Foxes\n\n" + "\n\n".join(paragraphs) + "\n")
    paths["lines"].write_text("ab\nba\n")
    rows = [("the fox", "a"), ("the dog", "b"), ("lazy", "a")]
    paths["labeled.csv"].write_text("text,label\n" + "".join(f'"{t}",{y}\n' for t, y in rows))
    paths["labeled.tsv"].write_text("text\tlabel\n" + "".join(f"{t}\t{y}\n" for t, y in rows))
    objects = [json.dumps({"text": text, "label": label}) for text, label in rows]
    paths["labeled.jsonl"].write_text("\n".join(objects) + "\n")
    scored = [{"sentence1": t, "sentence2": "a dog", "score": i} for i, (t, _) in enumerate(rows)]
    paths["scored.jsonl"].write_text("".join(json.dumps(each) + "\n" for each in scored))


def _write_series(paths: dict[str, Path]) -> None:
    n = 26
    months = [f"{2018 + i // 12}-{i % 12 + 1:02}" for i in range(n)]
    values = [(7 * i) % 5 + 0.5 for i in range(n)]
    rows = [f"{months[i]},{values[i]},{i % 3}\n" for i in range(n)]
    paths["regression.csv"].write_text("month,y,x\n" + "".join(rows[:24]))
    paths["future.csv"].write_text("month,y,x\n" + "".join(rows[24:]))
    both = [f"{months[i]},{values[i]}\n" for i in range(n)]
    paths["series.csv"].write_text("month,y\n" + "".join(both))


def _write_models(paths: dict[str, Path]) -> None:
    text, run = paths["text"], paths["run"]
    training = [*SIZES, "--checkpoint-interval", 1, "--eval-interval", 1]
    _command("train", text, "--steps", 2, "--average", 2, *training, "--out", run, "--bias")
    task = [*training, "--block-size", 12, "--steps", 1]
    _command("train", "--task", "sort:4:9", *task, "--out", paths["task-run"])
    labels = ["--tokenizer", "bytes", *training, "--steps", 1]
    _command("finetune", paths["labeled.csv"], *labels, "--out", paths["labeled-run"])
    shutil.copytree(run / "last", paths["model"])
    for name in ("training_state.json", "training_state.safetensors"):
        (paths["model"] / name).unlink()
    _command("quantize", paths["model"], "--out", paths["quantized-model"])
    _command("export", paths["model"], "--out", paths["huggingface"])
    gelu = run.parent / "gelu"  # nanoGPT's activation
    exact = [*training, "--steps", 1, "--bias", "--activation", "gelu"]
    _command("train", text, *exact, "--out", gelu)
    for kind, model in (("nanogpt", gelu), ("mingpt", paths["model"])):
        _command("export", model, "--format", kind, "--out", paths[f"{kind}.safetensors"])
    _command("export", paths["model"], "--format", "llm.c", "--out", paths["llmc.bin"])
    shutil.copy(paths["model"] / "tokenizer.json", paths["tokenizer.json"])
    save_pretrained(load_pretrained(paths["model"]), paths["shards"], shard_bytes=500)
    _write_vocabulary(paths)
    _write_sentence_transformer(paths)
    translation = next(one for one in INPUTS if one.kind == "pairs.tsv").commands[0]
    places = {"path": paths["pairs.tsv"], "out": paths["translation-run"]}
    _command(*(word.format(**places) for word in translation))


def _write_sentence_transformer(paths: dict[str, Path]) -> None:
    tokenizer = add_roles(train_bpe([TEXT], 257))
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": 8}
    config = GPTEncoderConfig(**sizes, vocab_size=tokenizer.vocab_size)
    prompts = Prompts({"query": "fox ", "document": ""}, "query", [], [0])
    encoder = TextEncoder(GPTEncoder(config), tokenizer, prompts)
    encoder.save_pretrained(paths["sentence-transformers"])


def _write_vocabulary(paths: dict[str, Path]) -> None:
    folder = paths["vocabulary"]
    folder.mkdir()
    words = [*ByteLevel.alphabet(), "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")


def _write_index(paths: dict[str, Path]) -> None:
    tokenizer = add_roles(train_bpe([TEXT], 257))
    config = GPTEncoderConfig(
        n_layer=1, n_head=1, n_embd=8, block_size=48, vocab_size=tokenizer.vocab_size
    )
    save_pretrained(GPTEncoder(config), paths["encoder"])
    tokenizer.save(paths["encoder"] / "tokenizer.json")
    shutil.copytree(paths["texts"], paths["searched"])
    (paths["searched"] / "code.py").write_text("def fox():\n    pass\n")
    (paths["searched"] / ".gitignore").write_text("*.log\n")
    paths["document"].write_text(TEXT)
    _command("index", paths["texts"], "--model", paths["encoder"], "--index", paths["index"])


def _write_chat(paths: dict[str, Path]) -> None:
    lines = []
    for i in range(4):
        texts = [("user", f"q{i}"), ("assistant", "a")]
        messages = [{"role": role, "content": text} for role, text in texts]
        lines.append(json.dumps({"messages": messages}) + "\n")
    paths["conversations.jsonl"].write_text("".join(lines))
    paths["conversation.jsonl"].write_text(lines[0])
    sft = next(one for one in INPUTS if one.kind == "conversations.jsonl").commands[0]
    places = {"path": paths["conversations.jsonl"], "out": paths["chat-run"]}
    _command(*(word.format(**places) for word in sft))
    lines = [json.dumps({"prompt": f"q{i}", "chosen": "a", "rejected": "b"}) for i in range(4)]
    paths["preferences.jsonl"].write_text("\n".join(lines) + "\n")
    commands = next(one for one in INPUTS if one.kind == "preferences.jsonl").commands
    for kind, command in zip(("reward-run", "dpo-run"), commands, strict=False):
        places = {
            "path": paths["preferences.jsonl"],
            "out": paths[kind],
            "chat-run": paths["chat-run"],
        }
        _command(*(word.format(**places) for word in command))


def _write_prepared(paths: dict[str, Path]) -> None:
    _command("data", "prepare", paths["text"], "--out", paths["prepared"])
    shutil.copytree(paths["prepared"], paths["preparation"])
    manifest = json.loads((paths["preparation"] / "manifest.json").read_text())
    (paths["preparation"] / "manifest.json").unlink()
    State(manifest["key"], manifest["tokenizer"]["fingerprint"]).save(paths["preparation"])


def _write_attributes(folder: Path) -> None:
    """Six classes with three attributes, which are their features; the last two are unseen."""
    folder.mkdir()
    s = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 1, 1], [1, 1, 0]], dtype=float)
    y = np.tile(np.arange(6), 4)
    examples = np.arange(24) + 1
    is_unseen, is_train = y >= 4, examples <= 12
    names = np.array([[name] for name in "abcdef"], dtype=object)
    savemat(folder / "res101.mat", {"features": s[y].T, "labels": y[:, None] + 1})
    splits = {
        "att": s.T,
        "original_att": s.T,
        "allclasses_names": names,
        "trainval_loc": examples[is_train & ~is_unseen, None],
        "val_loc": examples[is_train & (y < 2), None],
        "test_seen_loc": examples[~is_train & ~is_unseen, None],
        "test_unseen_loc": examples[is_unseen, None],
    }
    savemat(folder / "att_splits.mat", splits, do_compression=True)
