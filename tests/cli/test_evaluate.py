import json
import math

import numpy as np
import pytest

from scratchgpt.models import load_pretrained
from scratchgpt.text import load_tokenizer


def test_loss_perplexity_and_bits_per_byte_belong_together(scratchgpt, trained):
    record = json.loads(scratchgpt("eval", "--model", trained, "--json").stdout)
    assert record["perplexity"] == pytest.approx(math.exp(record["loss"]))
    bits = record["loss"] * record["n_tokens"] / math.log(2)
    assert record["bits_per_byte"] == pytest.approx(bits / record["n_bytes"])


def test_the_loss_is_the_mean_over_all_windows_of_a_text(scratchgpt, trained, tmp_path):
    text = "the lazy dog jumps over the quick brown fox"
    (tmp_path / "other.txt").write_text(text)
    outcome = scratchgpt("eval", "--model", trained, tmp_path / "other.txt", "--json")
    record = json.loads(outcome.stdout)

    model, tokenizer = load_pretrained(trained / "best"), load_tokenizer(trained / "best")
    tokens = tokenizer.encode(text)
    losses = []
    for start in range(0, len(tokens) - 1, model.config.block_size):
        window = tokens[None, start : start + model.config.block_size + 1]
        n_targets = window.shape[1] - 1
        losses += [float(model.loss(window[:, :-1], window[:, 1:])[0])] * n_targets
    assert record["n_tokens"] == len(losses) == len(text) - 1
    assert record["loss"] == pytest.approx(np.mean(losses), rel=1e-6)
    assert record["n_bytes"] == len(text) - 1


def test_bits_per_byte_counts_bytes_and_not_characters(scratchgpt, tiny, tmp_path):
    text = tmp_path / "umlauts.txt"
    text.write_text("äöü" * 200, encoding="utf-8")
    scratchgpt("train", text, *tiny, "--steps", 1, "--out", tmp_path / "run")
    record = json.loads(scratchgpt("eval", "-m", tmp_path / "run", text, "--json").stdout)
    assert record["n_bytes"] == 2 * record["n_tokens"]


def test_a_task_is_evaluated_by_exact_match(scratchgpt, tmp_path):
    options = ("--n-layer", 1, "--n-head", 1, "--n-embd", 8, "--steps", 2)
    scratchgpt("train", "--task", "sort:5:3", *options, "--out", tmp_path / "sort")
    record = json.loads(scratchgpt("eval", "--model", tmp_path / "sort", "--json").stdout)
    assert record["task"] == "sort:5:3"
    assert 0 <= record["exact_match"] < 0.5
    assert "exact match" in scratchgpt("eval", "--model", tmp_path / "sort").stdout


def test_characters_that_the_model_never_saw_are_named(refused, trained, tmp_path):
    (tmp_path / "greek.txt").write_text("alpha is α")
    assert "'α' (U+03B1)" in refused("eval", "--model", trained, tmp_path / "greek.txt")


def test_a_folder_without_a_model_is_refused(refused, tmp_path):
    assert "checkpoint" in refused("eval", "--model", tmp_path)


def test_a_missing_path_is_named(refused, tmp_path):
    assert "there is no model or run in" in refused("eval", "--model", tmp_path / "absent")


def test_a_checkpoint_has_no_checkpoints(refused, trained):
    error = refused("eval", "--model", trained / "best", "--which", "last")
    assert "leave out --which" in error
