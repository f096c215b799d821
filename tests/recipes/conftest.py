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
