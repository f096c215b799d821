"""Interruption by Ctrl-C and SIGTERM."""

import signal
import threading

import numpy as np
import pytest

from scratchgpt.training.checkpoint import read_state
from scratchgpt.training.signals import Stopped, StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_resumed_run_equals_the_unbroken_one(
    start_training, tmp_path, number
):
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    process = start_training(broken, 40, 1000, "wait")
    for _ in range(3):
        process.stdout.readline()
        print(file=process.stdin, flush=True)
    process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert out.endswith(f"interrupted by {int(number)}\n"), err
    step = read_state(broken / "last").step
    assert step == 4

    for out_dir in (broken, whole):
        out, err = start_training(out_dir, 40, 1000).communicate(timeout=30)
        assert out.endswith("step 40\ndone\n"), err
    for file in ("last/model.safetensors", "last/training_state.safetensors"):
        assert (broken / file).read_bytes() == (whole / file).read_bytes()


def test_a_second_signal_quits_at_once(start_training, tmp_path):
    process = start_training(tmp_path, 40, 1000, "wait")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert "interrupted by" not in out
    assert "KeyboardInterrupt" in err
    assert read_state(tmp_path / "last").step == 0


def test_an_interrupted_step_is_discarded_and_repeated(make_trainer, batches, tmp_path):
    """After a signal between the micro-batches of a step, its gradients are not used."""
    whole = make_trainer()
    whole.train()
    trainer = make_trainer(out_dir=tmp_path)
    original = batches.train_batch

    def interrupted(index):
        if index == 7 and trainer.stepper.stop.signal is None:  # the second of step 3
            signal.raise_signal(signal.SIGTERM)
        return original(index)

    batches.train_batch = interrupted
    result = trainer.train()
    assert (result.step, result.interrupted) == (3, signal.SIGTERM)
    batches.train_batch = original
    resumed = make_trainer(out_dir=tmp_path, resume=True)
    assert resumed.train().step == 10
    np.testing.assert_array_equal(resumed.model.store.values, whole.model.store.values)


def test_an_interrupted_evaluation_is_repeated(make_trainer, batches, tmp_path):
    trainer = make_trainer(out_dir=tmp_path)
    original = batches.validation_batches

    def interrupted():
        for i, batch in enumerate(original()):
            if i == 1 and trainer.step == 4:
                signal.raise_signal(signal.SIGINT)
            yield batch

    batches.validation_batches = interrupted
    assert trainer.train().step == 4
    batches.validation_batches = original
    resumed = make_trainer(out_dir=tmp_path, resume=True)
    evaluated = []
    resumed.on("evaluation", lambda trainer, record: evaluated.append(record.step))
    resumed.train()
    assert evaluated == [4, 8, 10]


def test_a_signal_after_the_last_update_interrupts_only_an_evaluation(make_trainer, stop_after):
    trainer = make_trainer(eval_interval=0)
    stop_after(trainer, 10)
    assert trainer.train().interrupted is None
    trainer = make_trainer(eval_interval=10)
    stop_after(trainer, 10)
    result = trainer.train()
    assert (result.step, result.interrupted) == (10, signal.SIGINT)


def test_handlers_are_restored(make_trainer):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    seen = []
    trainer = make_trainer(steps=2)
    trainer.on("step", lambda trainer, record: seen.append(signal.getsignal(signal.SIGINT)))
    trainer.train()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert seen[0] != before[0]


def test_a_signal_that_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGINT)
        assert stop.signal is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_training_works_without_handlers(make_trainer):
    results = []
    thread = threading.Thread(target=lambda: results.append(make_trainer().train()))
    thread.start()
    thread.join()
    assert results[0].step == 10


def test_the_first_signal_asks_and_the_second_raises():
    with StopRequest() as stop:
        stop.check()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Stopped):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
