import json

import pytest


@pytest.fixture
def sort_run(scratchgpt, tmp_path):
    out = tmp_path / "sort"
    sizes = "--n-layer 1 --n-head 1 --n-embd 8 --steps 2 --batch-size 4 --eval-interval 0"
    result = scratchgpt("train", "--task", "sort:3:6", *sizes.split(), "--out", out)
    assert result.status == 0, result.stderr
    return out


def test_a_model_is_trained_on_rewards(scratchgpt, refused, sort_run, tmp_path):
    out = tmp_path / "ppo"
    command = ["ppo", "sort:3:6", "--init", sort_run, "--n-prompts", 4, "--minibatches", 2]
    options = ["--value", "shared", "--whiten-rewards", "--beta", "0.1", "--kl-target", "1"]
    result = scratchgpt(*command, *options, "--steps", 4, "--out", out, "--json")
    assert result.status == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["step"] == 4
    assert {"exact_match", "sampled_exact_match"} <= record.keys()
    settings = (out / "config.toml").read_text()
    assert 'value = "shared"' in settings
    assert "whiten_rewards = true" in settings

    result = scratchgpt("ppo", "--out", out, "--resume", "--steps", 8)
    assert result.status == 0, result.stderr
    result = scratchgpt("eval", "--model", out)
    assert result.status == 0, result.stderr
    assert "problems of sort:3:6 not trained on, by greedy search" in result.stdout
    result = scratchgpt("generate", "--model", out, "--prompt", "012>", "--max-new-tokens", 2)
    assert result.status == 0, result.stderr

    assert "not a multiple of phase_steps" in refused(*command, "--steps", 5, "--out", "x")
    error = refused(*command, "--value", "both", "--out", tmp_path / "other")
    assert "value='both' is not one of separate, shared" in error
    assert "name it with init" in refused("ppo", "sort:3:6", "--out", tmp_path / "other")


def test_the_help_has_the_settings_of_the_method(scratchgpt):
    text = scratchgpt("ppo", "--help").stdout
    for option in (
        "--reward-model",
        "--lam",
        "--whitening",
        "--ptx",
        "--kl-target",
        "--value-clip",
    ):
        assert option in text
    assert "--dropout" not in text
