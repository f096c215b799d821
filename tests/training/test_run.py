"""What a resume with other settings keeps, changes and removes."""

import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.training import TrainConfig, read_metrics
from scratchgpt.training.checkpoint import read_state
from scratchgpt.training.config import CHANGEABLE
from scratchgpt.training.config_checks import NEEDS, SCHEDULES
from scratchgpt.training.plots import PICTURE_FILE


class Killed(Exception):
    """Ends a trainer as SIGKILL does: nothing is saved after it."""


@pytest.fixture
def kill_after():
    def arrange(trainer, step):
        def kill(trainer, record):
            if trainer.step == step:
                raise Killed

        trainer.on("step", kill)
        with pytest.raises(Killed):
            trainer.train()

    return arrange


def rates(out_dir):
    """Return the learning rate of each step."""
    records = read_metrics(out_dir / "metrics.jsonl")
    return {record["step"]: record["lr"] for record in records if "lr" in record}


@pytest.mark.parametrize("killed_after", [12, 13, 19])
def test_nothing_made_from_an_older_checkpoint_outlives_it(
    make_trainer, kill_after, tmp_path, killed_after
):
    make_trainer(out_dir=tmp_path, average=3).train()
    (tmp_path / PICTURE_FILE).touch()
    resumed = make_trainer(out_dir=tmp_path, average=3, steps=20, resume=True)
    assert any("average/ of step 10 is removed" in note for note in resumed.notes)
    kill_after(resumed, killed_after)
    fits = read_state(tmp_path / "last").step == 10
    assert fits == (killed_after <= 12)  # checkpoints are written at 12, 15 and 18
    assert (tmp_path / "average").exists() == (tmp_path / PICTURE_FILE).exists() == fits
    assert not list(tmp_path.glob("average*")) or fits
    make_trainer(out_dir=tmp_path, average=3, steps=20, resume=True).train()
    assert (tmp_path / "average").exists()


@pytest.mark.parametrize("first", [12, 60])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_warmup_is_that_of_the_start(make_trainer, stop_after, tmp_path, schedule, first):
    options = {"out_dir": tmp_path, "schedule": schedule, "warmup_steps": None, "eval_interval": 0}
    begun = make_trainer(**options, steps=first)
    stop_after(begun, 5)
    begun.train()
    resumed = make_trainer(**options, steps=40 * first, resume=True)
    assert resumed.config.n_warmup == begun.config.n_warmup
    stop_after(resumed, 8)
    resumed.train()
    again = make_trainer(**options, steps=40 * first, resume=True)
    assert again.notes == []
    assert again.config == resumed.config
    if schedule not in ("cosine", "linear"):  # they depend on the number of steps
        assert rates(tmp_path) == {step: begun.config.lr_at(step) for step in range(8)}
        assert resumed.notes == [f"resumed with steps={40 * first} instead of {first}"]
    else:
        old, new = begun.config.lr_at(5), resumed.config.lr_at(5)
        assert f"learning rate of step 5 is {new:.3g} instead of {old:.3g}" in resumed.notes[0]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_with_fewer_steps_than_its_warmup_resumes(
    make_trainer, stop_after, tmp_path, schedule
):
    options = {"out_dir": tmp_path, "schedule": schedule, "warmup_steps": None}
    begun = make_trainer(**options, steps=400)
    stop_after(begun, 3)
    begun.train()
    resumed = make_trainer(**options, steps=6, resume=True)
    assert resumed.config.n_warmup == min(6, begun.config.n_warmup)
    assert resumed.train().step == 6


@pytest.mark.parametrize("saved", [2, None])
def test_a_warmup_that_equals_that_of_the_start_may_be_given(make_trainer, tmp_path, saved):
    """An older version saved no number of warm-up steps; it was 2 of 40."""
    options = {"out_dir": tmp_path, "resume": True, "steps": 80, "eval_interval": 0}
    make_trainer(out_dir=tmp_path, steps=40, warmup_steps=saved, eval_interval=0).train()
    make_trainer(**options, warmup_steps=2).close()
    assert make_trainer(**options, warmup_steps=None).config.n_warmup == 2
    with pytest.raises(UserError, match="warmup_steps=2, not 3"):
        make_trainer(**options, warmup_steps=3)


OTHER = {
    "steps": 11,
    "eval_interval": 3,
    "sample_interval": 3,
    "checkpoint_interval": 7,
    "log_interval": 2,
    "recompute": True,
    "precision": "bf16",
}


def test_each_setting_that_a_resume_changes_is_noted_with_both_values(make_trainer, tmp_path):
    assert OTHER.keys() == CHANGEABLE
    begun = make_trainer(out_dir=tmp_path)
    assert begun.notes == []
    begun.train()
    for name, value in OTHER.items():
        resumed = make_trainer(out_dir=tmp_path, resume=True, **{name: value})
        resumed.close()
        assert f"{name}={value} instead of {getattr(begun.config, name)}" in resumed.notes[0]


@pytest.mark.parametrize("changes", [{}, {"log_interval": 2}, {"eval_interval": 5}, {"steps": 9}])
def test_a_best_model_that_the_run_does_not_come_to_again_is_removed(
    make_trainer, kill_after, tmp_path, changes
):
    options = {"out_dir": tmp_path, "checkpoint_interval": 5, "schedule": "constant"}
    kill_after(make_trainer(**options), 9)  # best/ is of step 8, last/ of step 5
    record = json.loads((tmp_path / "best" / "checkpoint.json").read_text())
    assert record == {"step": 8}
    resumed = make_trainer(**options, **changes, resume=True)
    other = bool({"eval_interval", "steps"} & set(changes))
    assert (tmp_path / "best").exists() != other
    assert any("best/ of step 8 is removed" in note for note in resumed.notes) == other
    result = resumed.train()
    whole = make_trainer(**{**options, "out_dir": tmp_path / "whole"}, **changes)
    assert result.best_step == whole.train().best_step
    one, other = (path / "best" / "model.safetensors" for path in (tmp_path, tmp_path / "whole"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("schedule", sorted({*SCHEDULES} - {*NEEDS["min_lr"][1]}))
def test_a_final_rate_without_effect_is_refused(make_trainer, tmp_path, schedule):
    with pytest.raises(UserError, match=f"min_lr=0.0 has no effect with schedule='{schedule}'"):
        TrainConfig(schedule=schedule, min_lr=0.0)
    # Older versions allowed it, and their runs can be resumed.
    trainer = make_trainer(out_dir=tmp_path, schedule=schedule)
    trainer.train()
    path = tmp_path / "last" / "training_state.json"
    state = json.loads(path.read_text())
    state["train_config"]["min_lr"] = 0.0
    path.write_text(json.dumps(state))
    again = make_trainer(out_dir=tmp_path, schedule=schedule, resume=True)
    again.close()
    np.testing.assert_array_equal(again.model.store.values, trainer.model.store.values)
