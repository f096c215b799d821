import json

import pytest

SIZES = "--tokenizer bpe:300 --n-layer 1 --n-head 2 --n-embd 8 --block-size 16 --batch-size 8"


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    words = ["birch", "cedar", "delta", "ember", "fjord"]
    lines = [f"{words[i % 5]} {i}\tabout {i} {words[i % 5]}" for i in range(60)]
    path.write_text("\n".join(lines))
    return path


def test_an_encoder_is_trained_resumed_and_evaluated(scratchgpt, pairs, tmp_path):
    out = tmp_path / "run"
    command = ["contrastive", pairs, *SIZES.split(), "--dims", "4", "--out", out]
    result = scratchgpt(*command, "--steps", "4", "--eval-interval", "2", "--json")
    assert result.status == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["step"] == 4
    assert 0 <= record["mrr@10"] <= 1
    assert "54 training and 6 validation pairs" in result.stderr

    result = scratchgpt("contrastive", "--out", out, "--resume", "--steps", "6")
    assert result.status == 0, result.stderr
    assert "6 steps" in result.stderr
    assert f"to encode texts as vectors: scratchgpt embed --model {out}" in result.stderr

    result = scratchgpt("eval", "--model", out)
    assert result.status == 0, result.stderr
    assert "hybrid - BM25, mrr@10:" in result.stdout


def test_an_error_is_one_line(refused, pairs, tmp_path):
    out = ["--out", tmp_path / "run"]
    assert "there are no pairs to train on" in refused("contrastive", *out)
    error = refused("contrastive", pairs, *SIZES.split(), "--batch-size", "60", *out)
    assert "batch_size=60 is more than 54 training pairs; choose at most 54" in error
