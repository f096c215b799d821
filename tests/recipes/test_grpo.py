import json
import shutil

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import load_pretrained
from scratchgpt.recipes import configure, evaluate, read_run, start, train


@pytest.fixture(scope="session")
def grpo_settings(sort_run):
    return {
        "task": "grpo",
        "corpus": ["sort:3:8"],
        "init": str(sort_run),
        "method": {"n_prompts": 16, "beta": 0.01},
        "training": {"steps": 60, "lr": 3e-3, "eval_interval": 20, "checkpoint_interval": 10},
    }


@pytest.fixture(scope="session")
def grpo_run(grpo_settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("grpo") / "run"
    train(configure(**grpo_settings), out)
    return out


def test_rewards_teach_a_task(sort_run, grpo_run):
    lines = [json.loads(line) for line in (grpo_run / "metrics.jsonl").read_text().splitlines()]
    before, after = lines[0], evaluate(grpo_run, which="last")
    assert before["exact_match"] == pytest.approx(evaluate(sort_run).match.fraction)
    assert before["kl"] == pytest.approx(0, abs=1e-5)
    assert before["clip_fraction"] == 0
    assert {"answer_length", "ended", "entropy"} <= before.keys()
    assert before["sampled_exact_match"] < 0.7
    assert after.sampled > before["sampled_exact_match"] + 0.15
    assert after.n_prompts == 45
    assert "of 45 problems of sort:3:8 not trained on, by greedy search" in str(after)


def test_a_resumed_run_has_the_reference_of_its_start(grpo_settings, grpo_run, sort_run, tmp_path):
    init = tmp_path / "init"
    shutil.copytree(sort_run, init)
    training = start(configure(**{**grpo_settings, "init": str(init)}), tmp_path / "run")

    def stop_at_32(trainer, record):
        if record.step == 32:
            raise KeyboardInterrupt

    training.trainer.on("step", stop_at_32)
    with pytest.raises(KeyboardInterrupt):
        training.train()
    shutil.rmtree(init)
    train(read_run(tmp_path / "run"), tmp_path / "run", resume=True)
    resumed, whole = (load_pretrained(folder / "last") for folder in (tmp_path / "run", grpo_run))
    for name, value in whole.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], value, err_msg=name)


def test_a_sample_is_a_held_out_problem_with_its_reward(grpo_settings, tmp_path):
    sample = start(configure(**grpo_settings), tmp_path / "run").sample()
    problem, reward = sample.splitlines()
    assert ">" in problem
    assert reward in ("reward     0", "reward     1")


def of_files(sft_run, conversations_file, reward_run, **method):
    return configure(
        task="grpo",
        corpus=[str(conversations_file)],
        init=str(sft_run),
        method={"reward_model": str(reward_run), "n_prompts": 4, "max_new_tokens": 8, **method},
        training={"steps": 8, "lr": 3e-3, "eval_interval": 4, "checkpoint_interval": 4},
    )


def test_a_chat_model_learns_from_a_reward_model(sft_run, conversations_file, reward_run, tmp_path):
    run = of_files(sft_run, conversations_file, reward_run)
    training = start(run, tmp_path / "run")
    assert "54 training prompts, 6 held out" in training.describe()
    assert "assistant  " in training.sample()
    training.train()
    result = evaluate(tmp_path / "run")
    assert result.score == "mean_reward"
    assert result.n_prompts == 6
    assert evaluate(tmp_path / "run", str(conversations_file)).n_conversations == 60


def test_reward_models_with_another_tokenizer_are_refused(
    sft_run, conversations_file, preferences_file, tmp_path
):
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": 24}
    other = configure(
        task="reward",
        corpus=[str(preferences_file)],
        tokenizer="bpe:280",
        model=sizes,
        training={"steps": 1, "eval_interval": 0},
    )
    train(other, tmp_path / "reward")
    with pytest.raises(UserError, match="has another tokenizer"):
        start(of_files(sft_run, conversations_file, tmp_path / "reward"), tmp_path / "run")
    with pytest.raises(UserError, match="name a run of `scratchgpt reward`"):
        start(of_files(sft_run, conversations_file, sft_run), tmp_path / "run")


def test_a_chat_model_learns_to_obey_constraints(tmp_path):
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 64, "dropout": 0.0}
    training = {"steps": 2, "tokens_per_batch": 512, "eval_interval": 0}
    sft = configure(
        task="sft", corpus=["constraints"], tokenizer="bpe:340", model=sizes, training=training
    )
    train(sft, tmp_path / "sft")
    run = configure(
        task="grpo",
        corpus=["constraints"],
        init=str(tmp_path / "sft"),
        method={"n_prompts": 2, "n_samples": 2},
        training={"steps": 2, "eval_interval": 0},
    )
    training = start(run, tmp_path / "run")
    assert training.describe().endswith("77 training prompts, 13 held out")
    training.train()
    result = evaluate(tmp_path / "run")
    assert (result.score, result.n_prompts) == ("exact_match", 13)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": []}, "there are no prompts to answer"),
        ({"corpus": ["sort:3:8", "x"]}, "have no reward; name a reward model"),
        ({"corpus": ["nowhere.jsonl"]}, "have no reward; name a reward model"),
        ({"init": None}, "name it with init"),
        ({"training": {"best": "val_loss"}}, "choose best=exact_match"),
        ({"training": {"batch_size": 5}}, "batch_size=5 has no effect"),
        ({"model": {"dropout": 0.1}}, "dropout=0.1 would change the ratio"),
        ({"method": {"loss": "gpro"}}, "loss='gpro' is not one of .*; did you mean 'grpo'"),
        ({"method": {"n_samples": 1}}, "n_samples=1"),
        ({"method": {"beta": float("inf")}}, "beta=inf"),
        ({"method": {"scale_rewards": "x"}}, "scale_rewards='x'"),
        ({"method": {"reward": "exakt"}}, "did you mean 'exact'"),
        ({"method": {"reward_model": "x"}}, "reward_model='x' has no effect"),
        ({"method": {"max_new_tokens": 3}}, "max_new_tokens=3 has no effect"),
        ({"method": {"clip_low": "x"}}, "clip_low='x' must be a number"),
        ({"corpus": ["constraints"], "method": {"reward": "share"}}, "is for tasks only"),
    ],
    ids=range(16),
)
def test_settings_that_do_not_fit_are_refused(grpo_settings, changes, message):
    with pytest.raises(UserError, match=message):
        configure(**{**grpo_settings, **changes})


def test_tasks_have_many_prompts_and_chat_models_a_penalty(sort_run, sft_run):
    task = configure(task="grpo", corpus=["sort:3:8"], init=str(sort_run))
    chat = configure(task="grpo", corpus=["constraints"], init=str(sft_run))
    assert (task.method["n_prompts"], task.method["beta"]) == (128, 0)
    assert (chat.method["n_prompts"], chat.method["beta"]) == (32, 0.02)
    assert chat.training.lr < task.training.lr == 1e-3


def test_models_that_do_not_fit_are_refused(grpo_settings, sft_run, tmp_path):
    with pytest.raises(UserError, match="has not the symbols of sort:3:8"):
        start(configure(**{**grpo_settings, "init": str(sft_run)}), tmp_path / "run")
    with pytest.raises(UserError, match="train it with `scratchgpt sft`"):
        start(configure(**{**grpo_settings, "corpus": ["constraints"]}), tmp_path / "run")
    run = configure(**{**grpo_settings, "training": {"steps": 7}})
    with pytest.raises(UserError, match="steps=7 is not a multiple of phase_steps=2"):
        start(run, tmp_path / "run")
