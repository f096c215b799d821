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
    out = tmp_path / "grpo"
    command = ["grpo", "sort:3:6", "--init", sort_run, "--n-prompts", 2, "--n-samples", 2]
    options = ["--loss", "dr_grpo", "--no-scale-rewards", "--beta", "0.1", "--steps", 2]
    options += ["--schedule", "linear"]
    result = scratchgpt(*command, *options, "--out", out, "--json")
    assert result.status == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["step"] == 2
    assert {"exact_match", "sampled_exact_match"} <= record.keys()
    settings = (out / "config.toml").read_text()
    assert 'loss = "dr_grpo"\nscale_rewards = false' in settings
    assert "beta = 0.1" in settings
    assert 'schedule = "linear"' in settings

    result = scratchgpt("grpo", "--out", out, "--resume", "--steps", 4)
    assert result.status == 0, result.stderr
    result = scratchgpt("eval", "--model", out)
    assert result.status == 0, result.stderr
    assert "problems of sort:3:6 not trained on, by greedy search" in result.stdout
    assert "sampled" in result.stdout
    result = scratchgpt("eval", "--model", out, "--json")
    assert json.loads(result.stdout)["n_prompts"] == 21

    assert "not a multiple of phase_steps=2" in refused(*command, "--steps", 3, "--out", "x")
    error = refused("grpo", "prompts.jsonl", "--init", sort_run, "--out", tmp_path / "other")
    assert "name a reward model with reward_model (--reward-model)" in error
    assert "name it with init" in refused("grpo", "sort:3:6", "--out", tmp_path / "other")


def test_the_help_has_the_settings_of_the_method(scratchgpt):
    text = scratchgpt("grpo", "--help").stdout
    for option in ("--reward-model", "--inner-epochs", "--clip-low", "--scale-rewards", "--loss"):
        assert option in text
    assert "--dropout" not in text
