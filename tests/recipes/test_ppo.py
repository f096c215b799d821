import json
import shutil

import numpy as np
import pytest

from scratchgpt.chat.actor_critic import ActorCritic, Critic
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, load_pretrained
from scratchgpt.models.tensor_file import TensorFile
from scratchgpt.recipes import configure, evaluate, read_run, start, train


@pytest.fixture(scope="session")
def ppo_settings(sort_run):
    return {
        "task": "ppo",
        "corpus": ["sort:3:8"],
        "init": str(sort_run),
        "method": {
            "n_prompts": 128,
            "minibatches": 4,
            "value": "separate",
            "beta": 0.01,
            "kl_target": 0.5,
            "kl_horizon": 1000,
        },
        "training": {"steps": 120, "lr": 3e-3, "eval_interval": 40, "checkpoint_interval": 40},
    }


@pytest.fixture(scope="session")
def ppo_run(ppo_settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("ppo") / "run"
    train(configure(**ppo_settings), out)
    return out


def test_rewards_teach_a_task(sort_run, ppo_run):
    lines = [json.loads(line) for line in (ppo_run / "metrics.jsonl").read_text().splitlines()]
    before, after = lines[0], evaluate(ppo_run, which="last")
    assert before["exact_match"] == pytest.approx(evaluate(sort_run).match.fraction)
    assert before["kl"] == before["clip_fraction"] == 0
    assert before["beta"] != 0.01
    assert {"score", "reward", "kl_k3", "value_loss", "explained_variance"} <= before.keys()
    assert after.sampled > before["sampled_exact_match"] + 0.1
    assert "of 45 problems of sort:3:8 not trained on, by greedy search" in str(after)


def test_a_resumed_run_has_the_values_and_the_reference_of_its_start(
    ppo_settings, ppo_run, sort_run, tmp_path
):
    init = tmp_path / "init"
    shutil.copytree(sort_run, init)
    training = start(configure(**{**ppo_settings, "init": str(init)}), tmp_path / "run")

    def stop_at_42(trainer, record):
        if record.step == 42:
            raise KeyboardInterrupt

    training.trainer.on("step", stop_at_42)
    with pytest.raises(KeyboardInterrupt):
        training.train()
    shutil.rmtree(init)
    train(read_run(tmp_path / "run"), tmp_path / "run", resume=True)
    for name in ("model.safetensors", "training_state.safetensors"):
        resumed, whole = ((folder / "last" / name) for folder in (tmp_path / "run", ppo_run))
        assert resumed.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("corpus", ["sort:3:8", "conversations.jsonl"])
def test_the_default_checkpoints_are_between_phases(corpus, sort_run):
    method = {} if corpus == "sort:3:8" else {"reward_model": str(sort_run)}
    run = configure(task="ppo", corpus=[corpus], init=str(sort_run), method=method)
    phase_steps = run.method["inner_epochs"] * run.method["minibatches"]
    assert run.training.steps % phase_steps == run.training.checkpoint_interval % phase_steps == 0
    assert run.method["value"] == ("shared" if corpus == "sort:3:8" else "separate")


def test_the_model_of_a_run_is_a_gpt(ppo_run):
    for which in ("last", "best"):
        assert type(load_pretrained(ppo_run / which)) is GPT
    names = TensorFile(ppo_run / "last" / "training_state.safetensors").tensors
    assert {"objective.values", "objective.reference"} <= names.keys()


def of_files(sft_run, conversations_file, reward_run, **method):
    return configure(
        task="ppo",
        corpus=[str(conversations_file)],
        init=str(sft_run),
        method={"reward_model": str(reward_run), "n_prompts": 8, "max_new_tokens": 8, **method},
        training={"steps": 8, "lr": 3e-3, "eval_interval": 4, "checkpoint_interval": 8},
    )


def test_the_values_of_a_chat_model_start_from_the_reward_model(
    sft_run, conversations_file, reward_run, tmp_path
):
    training = start(of_files(sft_run, conversations_file, reward_run), tmp_path / "run")
    model = training.model
    assert isinstance(model, ActorCritic)
    reward = load_pretrained(reward_run / "last")
    for name, value in reward.arrays().items():
        np.testing.assert_array_equal(model.store.named[f"critic.{name}"].value, value)
    assert "54 training prompts, 6 held out" in training.describe()
    training.train()
    result = evaluate(tmp_path / "run")
    assert (result.score, result.n_prompts) == ("mean_reward", 6)
    assert evaluate(tmp_path / "run", str(conversations_file)).n_conversations == 60


def test_a_shared_value_function_and_text(sft_run, conversations_file, reward_run, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the user asks, the assistant answers. " * 200)
    run = of_files(sft_run, conversations_file, reward_run, value="shared", ptx=str(text))
    training = start(run, tmp_path / "run")
    assert not isinstance(training.model.critic, Critic)
    assert " of text" in training.describe()
    losses = []
    training.trainer.on("step", lambda t, record: losses.append(record.measures["ptx_loss"]))
    training.train()
    assert losses[-1] < losses[0]
    assert read_run(tmp_path / "run").method["ptx"] == str(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": []}, "there are no prompts to answer"),
        ({"init": None}, "name it with init"),
        ({"training": {"best": "val_loss"}}, "choose best=exact_match"),
        ({"training": {"batch_size": 5}}, "batch_size=5 has no effect"),
        ({"model": {"dropout": 0.1}}, "dropout=0.1 would change the ratio"),
        ({"method": {"value": "shard"}}, "value='shard' is not one of separate, shared"),
        ({"method": {"ptx": 3}}, "ptx=3 must be the name of a text"),
        ({"method": {"ptx_coefficient": 2}}, "ptx_coefficient=2 has no effect without a text"),
        ({"method": {"n_prompts": 0}}, "n_prompts=0"),
        ({"method": {"lamb": 0.9}}, "unknown setting 'lamb' of the method; did you mean 'lam'"),
    ],
    ids=range(10),
)
def test_settings_that_do_not_fit_are_refused(ppo_settings, changes, message):
    with pytest.raises(UserError, match=message):
        configure(**{**ppo_settings, **changes})
