import json
import re

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from scratchgpt.errors import UserError
from scratchgpt.text import CharacterTokenizer
from scratchgpt.training import read_metrics


def curves(out_dir):
    """Return the values of metrics.jsonl that must be equal, without times."""
    return [
        {name: value for name, value in record.items() if name not in ("elapsed", "tokens_per_s")}
        for record in read_metrics(out_dir / "metrics.jsonl")
    ]


def assert_same_run(a, b):
    np.testing.assert_array_equal(a.model.store.values, b.model.store.values)
    moments, others = (one.stepper.optimizer.named_moments() for one in (a, b))
    assert moments.keys() == others.keys()
    for name, moment in moments.items():
        np.testing.assert_array_equal(moment, others[name], err_msg=name)
    assert a.position.best_val_loss == b.position.best_val_loss
    assert a.position.best_step == b.position.best_step


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stops", [[5], [1, 4, 8]])
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(
    make_trainer, make_model, stop_after, tmp_path, stops, dtype
):
    def model():
        return make_model(dtype, dropout=0.3)

    whole = make_trainer(model=model(), out_dir=tmp_path / "whole")
    whole.train()
    for i, stop in enumerate([*stops, None]):
        # A different seed for the model: everything must come from the checkpoint.
        other = make_model(dtype, dropout=0.3, seed=i)
        pieces = make_trainer(model=other, out_dir=tmp_path / "pieces", resume=i > 0)
        if stop is not None:
            stop_after(pieces, stop)
        result = pieces.train()
        assert (result.interrupted is None) == (stop is None)
        assert result.step == (10 if stop is None else stop)
    assert_same_run(whole, pieces)
    assert curves(tmp_path / "whole") == curves(tmp_path / "pieces")
    for file in ("last/model.safetensors", "last/training_state.safetensors", "best/config.json"):
        one, other = tmp_path / "whole" / file, tmp_path / "pieces" / file
        assert one.read_bytes() == other.read_bytes()


def test_a_run_with_muon_resumes_bit_for_bit_in_the_decay_of_its_schedule(
    make_trainer, make_model, stop_after, tmp_path
):
    settings = {"optimizer": "muon", "schedule": "wsd", "decay_steps": 0.5, "freeze": "wpe"}
    whole = make_trainer(out_dir=tmp_path / "whole", **settings)
    whole.train()
    for i, stop in enumerate([3, 7, None]):
        model = make_model(dropout=0.2, seed=i)
        pieces = make_trainer(model=model, out_dir=tmp_path / "pieces", resume=i > 0, **settings)
        if stop is not None:
            stop_after(pieces, stop)
        pieces.train()
    assert_same_run(whole, pieces)
    assert curves(tmp_path / "whole") == curves(tmp_path / "pieces")
    names = load_file(tmp_path / "whole" / "last" / "training_state.safetensors").keys()
    hidden = {name for name, p in whole.model.named_parameters() if p.columns}
    assert {n for n in names if n.startswith("momentum_buffer.")} == {
        f"momentum_buffer.{name}" for name in hidden
    }
    assert "exp_avg.transformer.wte.weight" in names
    assert not any("wpe" in name for name in names)
    assert len(names) == len(hidden) + 2 * (len(whole.model.store.trained) - len(hidden))


def test_a_run_is_not_resumed_with_another_optimizer(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path).train()
    with pytest.raises(UserError, match="optimizer='adamw', not 'muon'"):
        make_trainer(out_dir=tmp_path, resume=True, optimizer="muon")


def test_a_moment_of_muon_that_is_missing_is_named(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path, optimizer="muon").train()
    path = tmp_path / "last" / "training_state.safetensors"
    arrays = load_file(path)
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    del arrays["momentum_buffer.transformer.h.1.mlp.c_fc.weight"]
    save_file(arrays, path, metadata)
    with pytest.raises(UserError, match=r"momentum_buffer\.transformer\.h\.1\.mlp\.c_fc\.weight"):
        make_trainer(out_dir=tmp_path, optimizer="muon", resume=True)


def test_lines_after_the_checkpoint_are_written_again(make_trainer, stop_after, tmp_path):
    """As after a SIGKILL: metrics are ahead of the checkpoint, and the last line is incomplete."""
    whole = make_trainer(out_dir=tmp_path / "whole")
    whole.train()
    killed = make_trainer(out_dir=tmp_path / "killed")
    stop_after(killed, 5)
    killed.train()
    with open(tmp_path / "killed" / "metrics.jsonl", "a") as file:
        file.write('{"step": 5, "loss": 1.0}\n{"step": 6, "loss": 1.0}\n{"step": 7, "lo')
    make_trainer(out_dir=tmp_path / "killed", resume=True).train()
    assert curves(tmp_path / "killed") == curves(tmp_path / "whole")


def test_an_interrupted_trainer_resumes_when_called_again(make_trainer, stop_after, tmp_path):
    whole = make_trainer()
    whole.train()
    trainer = make_trainer(out_dir=tmp_path)
    stop_after(trainer, 3)
    assert trainer.train().interrupted
    assert trainer.train().step == 10
    assert_same_run(whole, trainer)


def test_more_steps_train_longer(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path, steps=4).train()
    result = make_trainer(out_dir=tmp_path, steps=8, resume=True).train()
    assert result.step == 8
    assert [record["step"] for record in read_metrics(tmp_path / "metrics.jsonl")] == [*range(9)]


def test_a_finished_run_can_be_resumed_and_is_finished(make_trainer, tmp_path):
    trainer = make_trainer(out_dir=tmp_path)
    trainer.train()
    before = curves(tmp_path)
    resumed = make_trainer(out_dir=tmp_path, resume=True)
    assert resumed.train().step == 10
    assert_same_run(trainer, resumed)
    assert curves(tmp_path) == before


def test_elapsed_continues(make_trainer, stop_after, tmp_path):
    trainer = make_trainer(out_dir=tmp_path)
    stop_after(trainer, 5)
    before = trainer.train().elapsed
    path = tmp_path / "last" / "training_state.json"
    state = json.loads(path.read_text())
    assert 0 < state["elapsed"] <= before
    path.write_text(json.dumps({**state, "elapsed": 1000.0}))
    assert make_trainer(out_dir=tmp_path, resume=True).train().elapsed > 1000


@pytest.mark.parametrize(
    "settings",
    [
        {"eval_interval": 3},
        {"sample_interval": 3},
        {"checkpoint_interval": 7},
        {"log_interval": 2},
        {"recompute": True},
    ],
)
def test_intervals_and_recomputation_may_change(make_trainer, tmp_path, settings):
    make_trainer(out_dir=tmp_path).train()
    make_trainer(out_dir=tmp_path, resume=True, **settings).close()


def test_a_run_older_than_a_model_setting_resumes(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path).train()
    path = tmp_path / "last" / "training_state.json"
    state = json.loads(path.read_text())
    del state["model_config"]["scale_attn_by_inverse_layer_idx"]
    path.write_text(json.dumps(state))
    make_trainer(out_dir=tmp_path, resume=True).close()


def test_a_run_of_the_version_before_objectives_resumes(make_trainer, stop_after, tmp_path):
    """The old state has no best_value and objective, and the settings no best and best_mode."""
    whole = make_trainer(out_dir=tmp_path / "whole")
    whole.train()
    broken = make_trainer(out_dir=tmp_path / "broken")
    stop_after(broken, 5)
    broken.train()
    path = tmp_path / "broken" / "last" / "training_state.json"
    state = json.loads(path.read_text())
    del state["best_value"], state["objective"]
    del state["train_config"]["best"], state["train_config"]["best_mode"]
    path.write_text(json.dumps(state))
    resumed = make_trainer(out_dir=tmp_path / "broken", resume=True)
    assert resumed.position.best_value == state["best_val_loss"]
    resumed.train()
    assert_same_run(whole, resumed)
    assert curves(tmp_path / "whole") == curves(tmp_path / "broken")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"best": "val_accuracy", "best_mode": "max"}, "best='val_loss', not 'val_accuracy'"),
        ({"lr": 0.02}, "training setting lr=0.01, not 0.02"),
        ({"seed": 5}, "training setting seed=1337, not 5"),
        ({"batch_size": 5}, "batch_size=12, not 5"),
        ({"grad_accum": 1}, "grad_accum=2, not 1"),
        ({"grad_clip": 1.0}, "grad_clip=0.5, not 1.0"),
        ({"eval_batches": 1}, "without training setting eval_batches, not with eval_batches=1"),
        ({"warmup_steps": 1}, "warmup_steps=2, not 1"),
        ({"steps": 9}, "already at step 10, past steps=9; choose more steps"),
        ({"data": "other text"}, "other data"),
        ({"tokenizer": CharacterTokenizer("abcdefghijK")}, "another tokenizer"),
    ],
)
def test_other_settings_are_refused_by_name(make_trainer, tmp_path, settings, message):
    original = {"tokenizer": CharacterTokenizer("abcdefghijk"), "data": "text"}
    make_trainer(out_dir=tmp_path, **original).train()
    with pytest.raises(UserError) as error:
        make_trainer(out_dir=tmp_path, resume=True, **{**original, **settings})
    assert message in str(error.value)
    make_trainer(out_dir=tmp_path, resume=True, **original).close()  # the run is unchanged


@pytest.mark.parametrize(
    ("started", "given"),
    [
        ({}, {"min_lr": 1e-3}),
        ({"min_lr": 1e-3}, {}),
        ({"schedule": "wsd"}, {"schedule": "wsd", "min_lr": 0.0, "decay_steps": 0.2}),
        ({"optimizer": "muon"}, {"optimizer": "muon", "muon_lr": 0.02}),
        (
            {"optimizer": "muon", "muon_adjust_lr": "match_rms_adamw"},
            {"optimizer": "muon", "muon_adjust_lr": "match_rms_adamw", "muon_lr": 1e-2},
        ),
    ],
)
def test_a_default_may_be_given_and_its_neighbor_may_not(make_trainer, tmp_path, started, given):
    make_trainer(out_dir=tmp_path, **started).train()
    make_trainer(out_dir=tmp_path, resume=True, **given).close()
    name = next(name for name in {**started, **given} if name in ("min_lr", "muon_lr"))
    other = {**given, name: 1.01 * given.get(name, 1e-3) + 1e-4}
    with pytest.raises(UserError, match=f"training setting {name}="):
        make_trainer(out_dir=tmp_path, resume=True, **other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_head": 4}, "model setting n_head=2, not 4"),
        ({"n_layer": 1}, "model setting n_layer=2, not 1"),
        ({"dropout": 0.0}, "model setting dropout=0.2, not 0.0"),
        ({"dtype": np.float64}, "another dtype (float32, now float64)"),
    ],
)
def test_another_model_is_refused(make_trainer, make_model, tmp_path, changes, message):
    make_trainer(out_dir=tmp_path).train()
    model = make_model(**{"dropout": 0.2, **changes})
    with pytest.raises(UserError) as error:
        make_trainer(model=model, out_dir=tmp_path, resume=True)
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "training_state.safetensors", "training_state.json"]
)
@pytest.mark.parametrize("damage", ["truncated", "empty", "missing"])
def test_a_damaged_checkpoint_is_named_with_the_way_out(make_trainer, tmp_path, name, damage):
    make_trainer(out_dir=tmp_path).train()
    path = tmp_path / "last" / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: -100 if damage == "truncated" else 0])
    with pytest.raises(UserError) as error:
        make_trainer(out_dir=tmp_path, resume=True)
    message = str(error.value)
    assert name in message
    assert "start again in another folder" in message
    assert "\n" not in message
    with pytest.raises(UserError, match="start again"):  # and the lock is released
        make_trainer(out_dir=tmp_path, resume=True)


def test_a_checkpoint_of_another_format_is_refused(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path).train()
    path = tmp_path / "last" / "training_state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 2}))
    with pytest.raises(UserError, match="format version 2"):
        make_trainer(out_dir=tmp_path, resume=True)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"step": -1}, "step is -1"),
        ({"step": 2.0}, "step is 2.0, not an integer"),
        ({"step": 10**30}, "step is 1"),
        ({"elapsed": float("nan")}, "elapsed is nan"),
        ({"best_step": "3"}, "best_step is '3', not an integer or null"),
        ({"train_config": []}, "train_config is [], not an object"),
        ({"train_config": {"steps": "many"}}, "steps='many' must be a whole number"),
        ({"unknown": 1}, "unknown field 'unknown'"),
        ({"format_version": True}, "format_version is True, not an integer"),
    ],
)
def test_a_state_of_the_wrong_type_is_refused(make_trainer, tmp_path, changes, part):
    make_trainer(out_dir=tmp_path, steps=2).train()
    path = tmp_path / "last" / "training_state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(UserError, match=re.escape(part)) as error:
        make_trainer(out_dir=tmp_path, resume=True, steps=2)
    for text in (str(path), "is damaged", "start again in another folder"):
        assert text in str(error.value)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "training_state.safetensors", "training_state.json"]
)
def test_files_of_different_steps_are_refused(make_trainer, tmp_path, name):
    """As in the copy of a run that trained while it was copied."""
    make_trainer(out_dir=tmp_path, steps=4).train()
    before = (tmp_path / "last" / name).read_bytes()
    make_trainer(out_dir=tmp_path, steps=6, resume=True).train()
    last = tmp_path / "last" / name
    after = last.read_bytes()
    last.write_bytes(before)
    with pytest.raises(UserError, match=r"at another time, as in a run that is copied while"):
        make_trainer(out_dir=tmp_path, steps=8, resume=True)
    last.write_bytes(after)
    assert make_trainer(out_dir=tmp_path, steps=8, resume=True).train().step == 8


def test_a_checkpoint_of_an_older_version_is_resumed(make_trainer, tmp_path):
    """Older versions did not write which files belong together."""
    make_trainer(out_dir=tmp_path, steps=4).train()
    path = tmp_path / "last" / "training_state.safetensors"
    save_file(load_file(path), path)
    assert make_trainer(out_dir=tmp_path, steps=6, resume=True).train().step == 6


def test_a_best_model_with_a_damaged_step_is_named(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path, steps=4).train()
    (tmp_path / "best" / "checkpoint.json").write_text('{"step": "4"}')
    with pytest.raises(UserError, match=r"checkpoint.json is damaged: step is '4'"):
        make_trainer(out_dir=tmp_path, steps=6, resume=True)


def test_resuming_nothing_is_refused(make_trainer, tmp_path):
    with pytest.raises(UserError, match=r"has no run to resume; leave out --resume"):
        make_trainer(out_dir=tmp_path / "typo", resume=True)
    with pytest.raises(UserError, match="needs the out_dir"):
        make_trainer(resume=True)
