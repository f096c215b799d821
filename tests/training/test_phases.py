"""Data sources with phases; checkpoints and interruptions fall between phases."""

import signal

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.training import NextToken, Trainer
from scratchgpt.training.checkpoint import read_state


@pytest.fixture
def phased(make_batches):
    """Phases of four steps each, with a record of the starts of phases."""

    class Phased(make_batches):
        phase_steps = 4

        def __init__(self):
            super().__init__()
            self.diary = []

        def begin_phase(self, phase, objective):
            self.diary.append((phase, float(objective.model.store.values.sum())))

    return Phased


@pytest.fixture
def make_run(make_model, make_config, phased):
    def make(out_dir=None, *, resume=False, batches=None, **settings):
        config = make_config(**{"steps": 12, "checkpoint_interval": 4, **settings})
        objective = NextToken(make_model(dropout=0.2))
        return Trainer(objective, batches or phased(), config, out_dir=out_dir, resume=resume)

    return make


def test_a_phase_begins_every_so_many_steps_with_the_parameters_then(make_run):
    run = make_run()
    seen = {0: float(run.model.store.values.sum())}
    run.on("step", lambda t, record: seen.update({t.step: float(t.model.store.values.sum())}))
    run.train()
    assert run.stepper.batches.diary == [(0, seen[0]), (1, seen[4]), (2, seen[8])]


def test_a_resumed_run_begins_the_phase_again_with_the_same_parameters(
    make_run, stop_after, tmp_path
):
    whole = make_run()
    whole.train()
    broken = make_run(tmp_path)
    stop_after(broken, 5)
    broken.train()
    resumed = make_run(tmp_path, resume=True)
    resumed.train()
    assert resumed.stepper.batches.diary == whole.stepper.batches.diary[2:]
    np.testing.assert_array_equal(resumed.model.store.values, whole.model.store.values)


def test_a_signal_lets_the_phase_finish_and_says_so(make_run, stop_after, tmp_path):
    run = make_run(tmp_path)
    stop_after(run, 5)
    told = []
    run.on("stopping", lambda trainer, record: told.append((record.step, record.last_step)))
    result = run.train()
    assert (result.step, result.interrupted) == (8, signal.SIGINT)
    assert read_state(tmp_path / "last").step == 8
    assert told == [(5, 8)]
    assert [phase for phase, _ in run.stepper.batches.diary] == [0, 1]


def test_a_signal_during_an_evaluation_in_a_phase_waits_too(make_run, phased, tmp_path):
    batches = phased()
    original = batches.validation_batches
    run = make_run(tmp_path, batches=batches, eval_interval=6)

    def interrupted():
        for batch in original():
            if run.step == 6 and run.stepper.stop.signal is None:
                signal.raise_signal(signal.SIGTERM)
            yield batch

    batches.validation_batches = interrupted
    assert run.train().step == 8


def test_a_second_signal_stops_in_the_middle_and_the_phase_is_done_again(
    make_run, stop_after, tmp_path
):
    run = make_run(tmp_path)
    stop_after(run, 5)
    stop_after(run, 6)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    assert read_state(tmp_path / "last").step == 4
    whole, resumed = make_run(), make_run(tmp_path, resume=True)
    assert resumed.step == 4
    for one in (whole, resumed):
        one.train()
    np.testing.assert_array_equal(resumed.model.store.values, whole.model.store.values)


def test_training_again_after_that_does_not_stop_within_the_phase(make_run, stop_after, tmp_path):
    run = make_run(tmp_path)
    stop_after(run, 5)
    stop_after(run, 6)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    assert run.step == 6
    batches = run.stepper.batches
    original = batches.train_batch

    def interrupted(index):
        if index == 13 and run.stepper.stop.signal is None:  # the second of step 6
            signal.raise_signal(signal.SIGINT)
        return original(index)

    batches.train_batch = interrupted
    assert run.train().step == 8


def test_a_signal_while_a_phase_begins_lets_it_finish_too(make_run, phased, tmp_path):
    """The start of the phase may already have changed the state of the objective."""

    class Interrupted(phased):
        def begin_phase(self, phase, objective):
            super().begin_phase(phase, objective)
            if phase == 1:
                signal.raise_signal(signal.SIGTERM)

    assert make_run(tmp_path, batches=Interrupted()).train().step == 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 10}, "steps=10 is not a multiple of phase_steps=4.*choose 8 or 12"),
        ({"checkpoint_interval": 3}, "checkpoint_interval=3 is not .*phase_steps=4.*choose 4$"),
    ],
)
def test_a_checkpoint_within_a_phase_is_refused(make_run, settings, message, tmp_path):
    with pytest.raises(UserError, match=message):
        make_run(tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_without_checkpoints_their_interval_does_not_matter(make_run):
    assert make_run(checkpoint_interval=3).train().step == 12


def test_phases_of_another_length_do_not_resume(make_run, phased, stop_after, tmp_path):
    run = make_run(tmp_path)
    stop_after(run, 5)
    run.train()  # to step 8
    batches = phased()
    batches.phase_steps = 3
    with pytest.raises(UserError, match=r"saved at step 8, in the middle of a phase of"):
        make_run(tmp_path, resume=True, batches=batches, checkpoint_interval=3)


@pytest.mark.parametrize("n", [0, 2.5, True])
def test_the_length_of_a_phase_is_a_whole_number(make_run, phased, n):
    batches = phased()
    batches.phase_steps = n
    with pytest.raises(UserError, match=r"phase_steps=.* must be a whole number"):
        make_run(batches=batches)
