import errno
import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import load_pretrained
from scratchgpt.text import CharacterTokenizer, load_tokenizer
from scratchgpt.training import find_checkpoint, plots, read_metrics, trainer


def record_events(trainer):
    events = []
    for event in ("step", "evaluation", "checkpoint", "sample"):
        trainer.on(event, lambda trainer, record, event=event: events.append((event, record)))
    return events


def test_training_learns_and_evaluates_at_multiples_and_at_the_end(make_trainer):
    trainer = make_trainer(steps=30, eval_interval=20)
    events = record_events(trainer)
    result = trainer.train()
    evaluations = [record for event, record in events if event == "evaluation"]
    assert [record.step for record in evaluations] == [0, 20, 30]
    assert evaluations[-1].val_loss < evaluations[0].val_loss - 0.2
    assert (result.step, result.interrupted) == (30, None)
    assert result.val_loss == evaluations[-1].val_loss
    assert result.best_val_loss == min(record.val_loss for record in evaluations)


def test_a_step_is_reported_with_its_place_and_its_evaluation(make_trainer):
    trainer = make_trainer(steps=5, eval_interval=2)
    events = record_events(trainer)
    trainer.train()
    steps = [record for event, record in events if event == "step"]
    assert [record.step for record in steps] == [0, 1, 2, 3, 4]
    assert [record.val_loss is not None for record in steps] == [True, False, True, False, True]
    assert all(record.tokens_per_s > 0 and record.grad_norm > 0 for record in steps)
    assert [record.lr for record in steps] == [trainer.config.lr_at(step) for step in range(5)]


def test_samples_are_called_for_at_intervals(make_trainer):
    trainer = make_trainer(steps=7, sample_interval=3)
    events = record_events(trainer)
    trainer.train()
    assert [record.step for event, record in events if event == "sample"] == [3, 6]


def test_checkpoints_are_reported_with_their_folders(make_trainer, tmp_path):
    trainer = make_trainer(steps=7, checkpoint_interval=3, eval_interval=0, out_dir=tmp_path)
    events = record_events(trainer)
    trainer.train()
    records = [record for event, record in events if event == "checkpoint"]
    assert [record.step for record in records] == [0, 3, 6, 7]
    assert {record.path for record in records} == {tmp_path / "last"}


def test_an_unknown_event_suggests_the_nearest(make_trainer):
    with pytest.raises(UserError, match="did you mean 'evaluation'"):
        make_trainer().on("evaluate", print)


def test_a_run_leaves_a_folder_with_two_models_and_its_metrics(make_trainer, tmp_path):
    out_dir = tmp_path / "deep" / "run"
    tokenizer = CharacterTokenizer("abcdefghijk")
    trainer = make_trainer(out_dir=out_dir, tokenizer=tokenizer)
    trainer.train()
    assert sorted(path.name for path in out_dir.iterdir()) == [
        ".lock",
        "best",
        "last",
        "metrics.jsonl",
    ]
    model = load_pretrained(find_checkpoint(out_dir, "last"))
    np.testing.assert_array_equal(model.store.values, trainer.model.store.values)
    for which in ("last", "best"):
        assert load_tokenizer(out_dir / which).fingerprint == tokenizer.fingerprint
    state = json.loads((out_dir / "last" / "training_state.json").read_text())
    assert state["step"] == 10
    assert state["best_val_loss"] == trainer.position.best_val_loss


def test_best_is_the_model_of_the_lowest_evaluation(make_trainer, make_model, tmp_path):
    # From good parameters, steps that are far too large only increase the loss.
    model = make_model()
    make_trainer(model=model, steps=60, eval_interval=0).train()
    good = model.store.values.copy()
    trainer = make_trainer(model=model, lr=1.0, eval_interval=1, out_dir=tmp_path)
    result = trainer.train()
    assert result.best_step == 0
    best = load_pretrained(find_checkpoint(tmp_path, "best"))
    np.testing.assert_array_equal(best.store.values, good)


def test_metrics_have_a_line_for_each_logged_step_and_each_evaluation(make_trainer, tmp_path):
    make_trainer(steps=9, log_interval=3, eval_interval=4, out_dir=tmp_path).train()
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert [record["step"] for record in records] == [0, 3, 4, 6, 8, 9]
    assert [record["step"] for record in records if "val_loss" in record] == [0, 4, 8, 9]
    step = {"step", "loss", "lr", "grad_norm", "tokens_per_s", "elapsed"}
    assert set(records[0]) == step | {"val_loss"}
    assert set(records[1]) == step
    assert set(records[-1]) == {"step", "val_loss", "elapsed"}
    elapsed = [record["elapsed"] for record in records]
    assert elapsed == sorted(elapsed)


def test_without_a_folder_nothing_is_written(make_trainer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_trainer().train()
    assert list(tmp_path.iterdir()) == []


def test_without_evaluation_no_validation_part_is_needed(make_trainer, batches, tmp_path):
    batches.n_validation = 0
    result = make_trainer(eval_interval=0, out_dir=tmp_path).train()
    assert result.best_val_loss is None
    with pytest.raises(UserError, match="no 'best' checkpoint"):
        find_checkpoint(tmp_path, "best")
    with pytest.raises(UserError, match="eval_interval=0"):
        make_trainer().train()


def test_the_same_seed_gives_the_same_run_and_another_another(make_trainer):
    values = []
    for seed in (1, 1, 2):
        trainer = make_trainer(seed=seed)
        trainer.train()
        values.append(trainer.model.store.values)
    assert np.array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])


def test_a_folder_that_holds_a_run_is_not_written_over(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path).train()
    before = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(UserError, match="already holds a run; add --resume"):
        make_trainer(out_dir=tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_metrics_of_something_else_are_not_added_to(make_trainer, tmp_path):
    (tmp_path / "metrics.jsonl").write_text("mine\n")
    with pytest.raises(UserError, match="belongs to something else"):
        make_trainer(out_dir=tmp_path)


def test_the_picture_is_drawn_at_the_end(make_trainer, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(trainer, "plot_metrics", plots.plot_metrics)
    make_trainer(steps=2, out_dir=tmp_path).train()
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("where", ["model.safetensors", "training_state.json", "fsync"])
def test_a_full_disk_leaves_the_checkpoint_before(make_trainer, tmp_path, monkeypatch, where):
    trainer = make_trainer(out_dir=tmp_path, checkpoint_interval=4, eval_interval=0)

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    def fill_the_disk(trainer, record):
        if record.step < 5:
            return
        if where == "fsync":
            monkeypatch.setattr("os.fsync", full)
        elif where == "model.safetensors":
            monkeypatch.setattr("safetensors.numpy.save_file", full)
        else:
            monkeypatch.setattr("scratchgpt.training.checkpoint.write_text", full)

    trainer.on("step", fill_the_disk)
    with pytest.raises(UserError, match=r"cannot write .*: No space left on device; free some"):
        trainer.train()
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "last", "metrics.jsonl"]
    resumed = make_trainer(out_dir=tmp_path, resume=True)
    assert resumed.step == 4
    resumed.close()


def test_a_full_disk_shows_before_training(make_trainer, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    trainer = make_trainer(out_dir=tmp_path)
    events = record_events(trainer)
    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(UserError, match="No space left"):
        trainer.train()
    assert events == []


def test_a_callback_that_fails_ends_the_run_and_frees_the_folder(make_trainer, tmp_path):
    trainer = make_trainer(out_dir=tmp_path)
    trainer.on("step", lambda trainer, record: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trainer.train()
    make_trainer(out_dir=tmp_path, resume=True).close()


def test_a_plot_that_fails_does_not_fail_the_run(make_trainer, monkeypatch, tmp_path):
    def fail(run_directory, unit):
        raise ValueError("$ is no formula")

    monkeypatch.setattr(trainer, "plot_metrics", fail)
    with pytest.warns(UserWarning, match="plotting the metrics failed: .*no formula"):
        assert make_trainer(out_dir=tmp_path).train().step == 10
