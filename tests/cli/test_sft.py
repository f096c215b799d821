import json

import pytest

SIZES = "--tokenizer bpe:300 --n-layer 1 --n-head 2 --n-embd 8 --block-size 24"


@pytest.fixture
def conversations(tmp_path):
    path = tmp_path / "conversations.jsonl"
    pairs = [
        ({"from": "human", "value": f"q {i}"}, {"from": "gpt", "value": "a"}) for i in range(20)
    ]
    path.write_text("".join(json.dumps({"conversations": pair}) + "\n" for pair in pairs))
    return path


def test_a_model_is_trained_resumed_evaluated_and_trained_again(
    scratchgpt, conversations, tmp_path
):
    out = tmp_path / "run"
    result = scratchgpt("sft", conversations, *SIZES.split(), "--steps", 3, "--out", out, "--json")
    assert result.status == 0, result.stderr
    assert json.loads(result.stdout)["step"] == 3
    assert "18 training and 2 validation conversations; " in result.stderr

    result = scratchgpt("sft", "--out", out, "--resume", "--steps", 5)
    assert result.status == 0, result.stderr
    assert "5 steps" in result.stderr

    result = scratchgpt("sft", conversations, "--init", out, "--steps", 1, "--out", tmp_path / "b")
    assert result.status == 0, result.stderr

    result = scratchgpt("eval", "--model", out)
    assert result.status == 0, result.stderr
    assert "of the answers in 2 conversations of the validation part" in result.stdout


def test_an_error_is_one_line(refused, conversations, tmp_path):
    out = ["--out", tmp_path / "run"]
    assert "there are no conversations to train on" in refused("sft", *out)
    conversations.write_text('{"messages": [{"role": "user"}]}\n')
    error = refused("sft", conversations, *SIZES.split(), *out)
    assert "line 1 of" in error
    assert "message 1 is not an object with 'role' and 'content'" in error
