"""The average of the last checkpoints, in uninterrupted and interrupted runs."""

import os
import signal
from contextlib import suppress

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import load_pretrained
from scratchgpt.text import CharacterTokenizer, load_tokenizer
from scratchgpt.training import find_checkpoint, read_metrics

# Checkpoints at 3, 6, 9 and 10.
AVERAGED = {"average": 3}


def weights_at(trainer, steps):
    """Return a dict that receives copies of the weights after these updates during training."""
    seen = {}

    def copy(trainer, record):
        if trainer.step in steps:
            seen[trainer.step] = trainer.model.store.values.copy()

    trainer.on("step", copy)
    return seen


def average_of(out_dir, dtype=np.float32):
    return load_pretrained(find_checkpoint(out_dir, "average"), dtype=dtype).store.values


def test_the_last_checkpoints_are_averaged_and_the_model_stays_the_last(make_trainer, tmp_path):
    trainer = make_trainer(
        out_dir=tmp_path, tokenizer=CharacterTokenizer("abcdefghijk"), **AVERAGED
    )
    seen = weights_at(trainer, {6, 9, 10})
    trainer.train()
    expected = np.mean([seen[step].astype(np.float64) for step in (6, 9, 10)], axis=0)
    np.testing.assert_array_equal(average_of(tmp_path), expected.astype(np.float32))
    np.testing.assert_array_equal(trainer.model.store.values, seen[10])
    assert load_tokenizer(tmp_path / "average").vocab_size == 11


def test_the_average_is_evaluated(make_trainer, tmp_path):
    trainer = make_trainer(out_dir=tmp_path, **AVERAGED)
    result = trainer.train()
    assert read_metrics(tmp_path / "metrics.jsonl")[-1]["average_val_loss"] == (
        result.average_val_loss
    )
    assert result.average_val_loss != result.val_loss
    trainer.model.store.values[...] = average_of(tmp_path)
    assert trainer.evaluate()["val_loss"] == result.average_val_loss


def test_with_fewer_checkpoints_those_are_averaged(make_trainer, tmp_path):
    trainer = make_trainer(out_dir=tmp_path, average=50)
    seen = weights_at(trainer, {3, 6, 9, 10})
    trainer.train()
    expected = np.mean([value.astype(np.float64) for value in seen.values()], axis=0)
    np.testing.assert_array_equal(average_of(tmp_path), expected.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stops", [[5], [1, 6, 8], [9], [10]])
def test_a_resumed_run_has_the_average_of_an_unbroken_one_bit_for_bit(
    make_trainer, make_model, stop_after, tmp_path, stops, dtype
):
    make_trainer(model=make_model(dtype), out_dir=tmp_path / "whole", **AVERAGED).train()
    for i, stop in enumerate([*stops, None]):
        pieces = make_trainer(
            model=make_model(dtype, seed=i), out_dir=tmp_path / "pieces", resume=i > 0, **AVERAGED
        )
        if stop is not None:
            stop_after(pieces, stop)
        pieces.train()
    np.testing.assert_array_equal(
        average_of(tmp_path / "whole", dtype), average_of(tmp_path / "pieces", dtype)
    )


def test_weights_later_than_the_checkpoint_are_deleted(make_trainer, tmp_path):
    """As after a SIGKILL between saving the weights and the checkpoint."""
    make_trainer(out_dir=tmp_path / "whole", **AVERAGED).train()
    killed = make_trainer(out_dir=tmp_path / "killed", **AVERAGED)

    def kill(trainer, record):
        if trainer.step == 9:  # just before the checkpoint at step 9 is written
            trainer._run.directory.replacing = None

    killed.on("step", kill)
    with pytest.raises(TypeError):
        killed.train()
    recent = tmp_path / "killed" / "recent"
    leftover = recent / ".step-9.safetensors.abc.tmp"
    leftover.mkdir()
    (leftover / ".tmpXYZ").touch()  # the safetensors library writes to such a file first
    assert (recent / "step-9.safetensors").exists()
    resumed = make_trainer(out_dir=tmp_path / "killed", resume=True, **AVERAGED)
    assert resumed.step == 6
    assert sorted(path.name for path in recent.iterdir()) == [
        "step-3.safetensors",
        "step-6.safetensors",
    ]
    resumed.train()
    np.testing.assert_array_equal(average_of(tmp_path / "whole"), average_of(tmp_path / "killed"))


def test_a_resumed_run_deletes_the_weights_of_its_old_end(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path, schedule="constant", **AVERAGED).train()
    longer = make_trainer(out_dir=tmp_path, resume=True, steps=14, schedule="constant", **AVERAGED)
    longer.train()
    names = sorted(path.name for path in (tmp_path / "recent").iterdir())
    assert names == ["step-12.safetensors", "step-14.safetensors", "step-9.safetensors"]
    whole = make_trainer(out_dir=tmp_path / "whole", steps=14, schedule="constant", **AVERAGED)
    whole.train()
    np.testing.assert_array_equal(average_of(tmp_path), average_of(tmp_path / "whole"))


def test_an_interrupted_run_leaves_the_average_so_far(make_trainer, stop_after, tmp_path):
    trainer = make_trainer(out_dir=tmp_path, **AVERAGED)
    seen = weights_at(trainer, {3, 6})
    stop_after(trainer, 7)
    result = trainer.train()
    assert result.interrupted == signal.SIGINT
    assert result.average_val_loss is None
    expected = (seen[3].astype(np.float64) + seen[6]) / 2
    np.testing.assert_array_equal(average_of(tmp_path), expected.astype(np.float32))


def test_an_interrupted_evaluation_of_the_average_is_repeated(make_trainer, batches, tmp_path):
    trainer = make_trainer(out_dir=tmp_path, **AVERAGED)
    original = batches.validation_batches

    def interrupted():
        if trainer._run.directory.find("average"):
            signal.raise_signal(signal.SIGINT)
        return original()

    batches.validation_batches = interrupted
    last = weights_at(trainer, {10})
    assert trainer.train().interrupted == signal.SIGINT
    np.testing.assert_array_equal(trainer.model.store.values, last[10])
    batches.validation_batches = original
    result = make_trainer(out_dir=tmp_path, resume=True, **AVERAGED).train()
    assert result.interrupted is None
    assert result.average_val_loss is not None


def test_without_checkpoints_there_is_no_average(make_trainer, tmp_path):
    with pytest.raises(UserError, match="average=3 needs an out_dir"):
        make_trainer(**AVERAGED)
    make_trainer(out_dir=tmp_path).train()
    with pytest.raises(UserError, match="has no average of checkpoints; a run with average=5"):
        find_checkpoint(tmp_path, "average")
    assert not (tmp_path / "recent").exists()


class Killed(BaseException):
    """Simulates SIGKILL."""


def test_a_killed_run_leaves_nothing_that_the_resumed_one_does_not_remove(
    make_trainer, tmp_path, monkeypatch
):
    """Also in ``recent/`` and the checkpoints, where safetensors creates files of its own."""
    settings = {"steps": 4, "checkpoint_interval": 1, "eval_interval": 2, "average": 2}

    def content(folder):
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))

    def run(folder):
        resume = (folder / "last").exists()
        trainer = make_trainer(out_dir=folder, resume=resume, **settings)
        try:
            trainer.train()
        finally:
            trainer.close()  # as the operating system does

    run(tmp_path / "whole")
    whole = content(tmp_path / "whole")
    for n_changes in range(3, 1000, 17):
        left, folder = n_changes, tmp_path / str(n_changes)

        def counted(change):
            def count(*arguments, **options):
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                return change(*arguments, **options)

            return count

        with monkeypatch.context() as patch:
            for name in ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync"):
                patch.setattr(os, name, counted(getattr(os, name)))
            with suppress(Killed):
                run(folder)
        if left >= 0:
            break
        run(folder)
        assert content(folder) == whole
    assert n_changes > 100
