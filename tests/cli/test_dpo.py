import json

import pytest

SIZES = "--tokenizer bpe:300 --n-layer 1 --n-head 2 --n-embd 8 --block-size 24"


@pytest.fixture
def files(tmp_path):
    conversations, preferences = tmp_path / "c.jsonl", tmp_path / "p.jsonl"
    lines, pairs = [], []
    for i in range(20):
        texts = [("user", f"q {i}"), ("assistant", "a")]
        lines.append({"messages": [{"role": role, "content": text} for role, text in texts]})
        pairs.append({"prompt": f"q {i}", "chosen": "a", "rejected": "b"})
    conversations.write_text("".join(json.dumps(line) + "\n" for line in lines))
    preferences.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return conversations, preferences


def test_a_chat_model_is_trained_on_preferences(scratchgpt, refused, files, tmp_path):
    conversations, preferences = files
    chat, out = tmp_path / "chat", tmp_path / "dpo"
    result = scratchgpt("sft", conversations, *SIZES.split(), "--steps", 2, "--out", chat)
    assert result.status == 0, result.stderr
    command = ["dpo", preferences, "--init", chat]
    options = ["--loss", "ipo", "--beta", "0.5", "--steps", 2]
    result = scratchgpt(*command, *options, "--out", out, "--json")
    assert result.status == 0, result.stderr
    assert json.loads(result.stdout)["step"] == 2
    assert "18 preferences in 18 training prompts, 2 in 2 validation prompts" in result.stderr
    assert 'loss = "ipo"\nbeta = 0.5\nnoise = 0.0' in (out / "config.toml").read_text()

    result = scratchgpt("dpo", "--out", out, "--resume", "--steps", 4)
    assert result.status == 0, result.stderr
    result = scratchgpt("eval", "--model", out)
    assert result.status == 0, result.stderr
    assert "chosen log prob" in result.stdout

    error = refused(*command, "--noise", "0.1", "--out", tmp_path / "other")
    assert "noise=0.1 has no effect with loss='sigmoid'" in error
    assert "name it with init" in refused("dpo", preferences, "--out", tmp_path / "other")


def test_a_reward_model_is_trained_on_preferences(scratchgpt, files, tmp_path):
    out = tmp_path / "reward"
    sizes = [*SIZES.split(), "--steps", 2]
    result = scratchgpt("reward", files[1], *sizes, "--centering", "0.01", "--out", out)
    assert result.status == 0, result.stderr
    assert f"to score answers that were held out: scratchgpt eval --model {out}" in result.stderr
    result = scratchgpt("reward", "--out", out, "--resume", "--steps", 3)
    assert result.status == 0, result.stderr
    result = scratchgpt("eval", "--model", out, files[1], "--json")
    assert result.status == 0, result.stderr
    assert json.loads(result.stdout)["n_prompts"] == 20
