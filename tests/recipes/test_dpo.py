import json
import shutil

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import load_pretrained
from scratchgpt.recipes import configure, evaluate, read_run, start, train


@pytest.fixture(scope="session")
def dpo_settings(preferences_file, sft_run):
    return {
        "task": "dpo",
        "corpus": [str(preferences_file)],
        "init": str(sft_run),
        "training": {"steps": 12, "lr": 2e-3, "eval_interval": 6, "checkpoint_interval": 5},
    }


@pytest.fixture(scope="session")
def dpo_run(dpo_settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("dpo") / "run"
    result = train(configure(**dpo_settings), out)
    assert result.best_val_loss < 0.5  # log 2 at the start
    return out


def test_the_loss_begins_at_log_2_and_held_out_preferences_are_learned(dpo_run):
    lines = [json.loads(line) for line in (dpo_run / "metrics.jsonl").read_text().splitlines()]
    first = next(line for line in lines if "val_loss" in line)
    assert first["val_loss"] == pytest.approx(np.log(2), rel=1e-6)
    result = evaluate(dpo_run)
    assert result.n_pairs == 4
    assert result.measures["accuracy"] == 1
    assert result.measures["margin"] > 0.3
    assert evaluate(dpo_run, which="last").loss < np.log(2)


def test_a_resumed_run_has_the_reference_of_its_start(dpo_settings, dpo_run, sft_run, tmp_path):
    chat = tmp_path / "chat"
    shutil.copytree(sft_run, chat)
    run = configure(**{**dpo_settings, "init": str(chat)})
    training = start(run, tmp_path / "run")

    def stop_at_7(trainer, record):
        if record.step == 7:
            raise KeyboardInterrupt

    training.trainer.on("step", stop_at_7)
    with pytest.raises(KeyboardInterrupt):
        training.train()
    shutil.rmtree(chat)
    train(read_run(tmp_path / "run"), tmp_path / "run", resume=True)
    resumed, whole = (load_pretrained(folder / "last") for folder in (tmp_path / "run", dpo_run))
    for name, value in whole.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], value, err_msg=name)
    with pytest.raises(UserError, match="there is no model or run in"):
        evaluate(tmp_path / "run")


def test_a_file_of_conversations_is_evaluated_by_its_loss(dpo_run, conversations_file):
    assert evaluate(dpo_run, str(conversations_file)).n_conversations == 60


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": []}, "there are no preferences"),
        ({"init": None}, "starts from a chat model; name it with init"),
        ({"method": {"loss": "sigmod"}}, "loss='sigmod' is not one of .*; did you mean 'sigmoid'"),
        ({"method": {"noise": 0.1}}, "noise=0.1 has no effect with loss='sigmoid'"),
        ({"method": {"beta": "x"}}, "beta='x' must be a number"),
        ({"training": {"label_smoothing": 0.1}}, "noise instead"),
    ],
    ids=range(6),
)
def test_settings_that_do_not_fit_are_refused(dpo_settings, changes, message):
    with pytest.raises(UserError, match=message):
        configure(**{**dpo_settings, **changes})


def test_a_model_without_markers_is_refused(dpo_settings, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("amber birch cedar delta says\n" * 60)
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 16}
    pretraining = configure(
        corpus=[str(text)], tokenizer="bpe:270", model=sizes, training={"steps": 1, "batch_size": 2}
    )
    train(pretraining, tmp_path / "gpt")
    with pytest.raises(UserError, match="train it with `scratchgpt sft`"):
        start(configure(**{**dpo_settings, "init": str(tmp_path / "gpt")}), tmp_path / "run")


@pytest.mark.parametrize("change", [{"beta": 0.2}, {"loss": "ipo"}])
def test_another_objective_is_refused_on_resume(dpo_run, change):
    [(name, value)] = change.items()
    run = configure(read_run(dpo_run), method=change)
    with pytest.raises(UserError, match=f"with {name}=.*, not with {name}={value!r}"):
        start(run, dpo_run, resume=True)
