"""What the shell offers when Tab is pressed."""

import pytest

from scratchgpt.models import PROBLEMS


@pytest.fixture
def offered(scratchgpt, monkeypatch, tmp_path):
    """``offered("train --preset gp")`` returns what bash completes the last word with."""
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/first", "runs/second", ".hidden"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "text.txt").touch()

    def complete(line):
        words = f"scratchgpt {line}"
        monkeypatch.setenv("_SCRATCHGPT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        outcome = scratchgpt()
        assert outcome.stderr == ""
        return outcome.stdout.split()

    return complete


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train --preset gpt2", ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"]),
        (
            "train --task ",
            [
                *("addition", "sort", "translation", "contrastive", "sft", "reward", "dpo", "grpo"),
                "ppo",
                *PROBLEMS,
            ],
        ),
        ("train --precision ", ["float32", "bf16", "tf32"]),
        ("train --schedule ", ["cosine", "linear", "constant", "inverse_sqrt", "wsd"]),
        ("train --norm-position ", ["pre", "post"]),
        ("train --activation ge", ["gelu_tanh", "gelu"]),
        ("train --best-mode ", ["min", "max"]),
        ("train --tokenizer b", ["bytes", "bpe:"]),
        ("train --init runs/", ["runs/first/", "runs/second/"]),
        ("train --init runs/s", ["runs/second/"]),
        ("train --init nowhere/", []),
        ("info ru", ["runs/"]),
        ("info transformer-", [f"transformer-{s}" for s in ("base", "big", "small", "tiny")]),
        ("bench ba", ["baby"]),
        ("bench --precision b", ["bf16"]),
        ("verify layer", ["layer_norm"]),
        ("verify al", ["all"]),
        ("forecast --example a", ["airline", "accidents"]),
        ("eval --which ", ["average", "best", "last"]),
        ("export --format ", ["huggingface", "nanogpt", "mingpt", "llm.c"]),
        ("cache clear ke", ["kernels"]),
        ("serve --model runs/", ["runs/first/", "runs/second/"]),
        ("ca", ["cache"]),
    ],
)
def test_words_are_completed(offered, line, words):
    assert offered(line) == words


def test_hidden_folders_are_offered_when_asked_for(offered):
    assert offered("train --init ") == ["runs/"]
    assert offered("train --init .h") == [".hidden/"]
