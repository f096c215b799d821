import json

import pytest

from scratchgpt.backend import random_stream


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory):
    """A file of 200 pairs: the document has the words of its query, backwards."""
    rng = random_stream(0, "pairs")
    words = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath"]
    lines = []
    for i in range(200):
        chosen = [*rng.choice(words, 3), str(i)]
        lines.append(f"{' '.join(chosen)}\tabout {' '.join(reversed(chosen))}\n")
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="session")
def contrastive_settings(pairs_file):
    """Settings of a run that learns these pairs in seconds."""
    return {
        "task": "contrastive",
        "corpus": [str(pairs_file)],
        "tokenizer": "bpe:300",
        "model": {
            "n_layer": 1,
            "n_head": 2,
            "n_embd": 16,
            "block_size": 24,
            "dims": [8],
            "dropout": 0.1,
        },
        "training": {
            "steps": 30,
            "batch_size": 32,
            "tokens_per_batch": 200,
            "lr": 1e-2,
            "eval_interval": 10,
            "checkpoint_interval": 10,
        },
    }


@pytest.fixture(scope="session")
def encoder_run(contrastive_settings, tmp_path_factory):
    """The folder of a finished contrastive run."""
    from scratchgpt.recipes import configure, train

    out = tmp_path_factory.mktemp("encoder") / "run"
    train(configure(**contrastive_settings), out)
    return out


@pytest.fixture(scope="session")
def conversations_file(tmp_path_factory):
    """A file of 60 conversations: the assistant repeats a word."""
    lines = []
    for i in range(60):
        word = ["amber", "birch", "cedar", "delta"][i % 4]
        messages = [
            {"role": "user", "content": f"{i}: say {word}"},
            {"role": "assistant", "content": f"{word}!"},
        ]
        lines.append(json.dumps({"messages": messages}) + "\n")
    path = tmp_path_factory.mktemp("conversations") / "conversations.jsonl"
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="session")
def sft_settings(conversations_file):
    """Settings of a run that learns these conversations in a second."""
    return {
        "task": "sft",
        "corpus": [str(conversations_file)],
        "tokenizer": "bpe:300",
        "model": {"n_layer": 1, "n_head": 2, "n_embd": 32, "block_size": 32, "dropout": 0.1},
        "training": {
            "steps": 60,
            "tokens_per_batch": 400,
            "lr": 1e-2,
            "eval_interval": 20,
            "checkpoint_interval": 20,
        },
    }


@pytest.fixture(scope="session")
def sft_run(sft_settings, tmp_path_factory):
    """The folder of a finished run of supervised fine-tuning."""
    from scratchgpt.recipes import configure, train

    out = tmp_path_factory.mktemp("sft") / "run"
    train(configure(**sft_settings), out)
    return out


@pytest.fixture(scope="session")
def preferences_file(tmp_path_factory):
    """The assistant of ``conversations_file`` should shout."""
    lines = []
    for i in range(40):
        word = ["amber", "birch", "cedar", "delta"][i % 4]
        pair = {"prompt": f"{i}: say {word}", "chosen": word.upper(), "rejected": f"{word}!"}
        lines.append(json.dumps(pair) + "\n")
    path = tmp_path_factory.mktemp("preferences") / "preferences.jsonl"
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="session")
def sort_run(tmp_path_factory):
    """The folder of a run that sorts three digits; about half of its samples are right."""
    from scratchgpt.recipes import configure, train

    out = tmp_path_factory.mktemp("sort") / "run"
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 32}
    training = {"steps": 60, "batch_size": 64, "lr": 1e-2, "eval_interval": 0}
    train(configure(task="sort:3:8", model=sizes, training=training), out)
    return out


@pytest.fixture(scope="session")
def reward_run(sft_run, preferences_file, tmp_path_factory):
    """The folder of a reward model with the tokenizer of ``sft_run``."""
    from scratchgpt.recipes import configure, train

    out = tmp_path_factory.mktemp("reward") / "run"
    settings = {"task": "reward", "corpus": [str(preferences_file)], "init": str(sft_run)}
    train(configure(**settings, training={"steps": 30, "lr": 1e-2, "eval_interval": 0}), out)
    return out
