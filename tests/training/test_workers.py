"""Several workers, simulated by threads: their computations and their communication."""

import math
import signal
import threading

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.training import Alone, NextToken, NonFiniteError, Trainer, read_metrics
from scratchgpt.training.step import Stepper


class Group:
    """Threads of which one computes at a time, while the others wait in a collective call."""

    def __init__(self, size):
        self.turn = threading.Lock()
        self.barrier = threading.Barrier(size, timeout=60)
        self.slots = [None] * size
        self.calls = [[] for _ in range(size)]


class Worker:
    def __init__(self, rank, group, shards=False):
        self.rank, self.local_rank, self.shards = rank, rank, shards
        self.size = len(group.slots)
        self._group = group

    def _exchange(self, kind, value):
        group = self._group
        group.calls[self.rank].append(kind)
        group.slots[self.rank] = value
        group.turn.release()
        group.barrier.wait()
        values = list(group.slots)
        group.barrier.wait()
        group.turn.acquire()
        return values

    def sum(self, flat):
        flat[...] = sum(self._exchange("sum", flat.copy()))

    def total(self, counts):
        total = {}
        for one in self._exchange("total", dict(counts)):
            for name, value in one.items():
                total[name] = total.get(name, 0.0) + value
        return total

    def any(self, flag):
        return any(self._exchange("any", flag))

    def broadcast(self, flat, rank):
        flat[...] = self._exchange("broadcast", flat.copy())[rank]

    def gather(self, text):
        return self._exchange("gather", text)


def together(work, size=2, **settings):
    """Run ``work(worker)`` for each worker of a group; return results, exceptions included."""
    group = Group(size)
    results = [None] * size

    def run(rank):
        with group.turn:
            try:
                results[rank] = work(Worker(rank, group, **settings))
            except Exception as error:
                results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert all(calls == group.calls[0] for calls in group.calls)  # otherwise others wait forever
    return results


class Accurate(NextToken):
    def measures(self, saved):
        logits, _, targets, counted, *_ = saved.cross_entropy
        return {"accuracy": float((logits.argmax(-1) == targets)[counted].mean())}


@pytest.mark.parametrize("size", [2, 4])
def test_a_step_of_several_equals_that_of_one(make_model, make_config, make_batches, size):
    config = make_config(grad_accum=4)

    def stepper(workers):
        objective = Accurate(make_model(np.float64, dropout=0.2))
        return Stepper(objective, make_batches(n_validation=5), config, workers)

    def two_updates(workers):
        one = stepper(workers)
        updates = [one.update(step) for step in range(2)]
        return updates, one.model.store.grads.copy(), one.model.store.values, one.evaluate()

    expected, grads, values, scores = two_updates(Alone())
    results = together(two_updates, size)
    for updates, their_grads, their_values, their_scores in results:
        np.testing.assert_allclose(their_grads, grads, rtol=1e-12, atol=1e-12 * abs(grads).max())
        np.testing.assert_allclose(their_values, values, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(their_values, results[0][2])  # they do not diverge
        assert their_scores == pytest.approx(scores, rel=1e-12)
        for update, other in zip(updates, expected, strict=True):
            assert update.loss == pytest.approx(other.loss, rel=1e-12)
            assert update.grad_norm == pytest.approx(other.grad_norm, rel=1e-12)
            assert update.measures == pytest.approx(other.measures, rel=1e-12)


def test_micro_batches_are_assigned_by_rank(make_model, make_config, batches):
    seen = {0: [], 1: []}

    def update(workers):
        class Seen:
            def train_batch(self, index):
                seen[workers.rank].append(index)
                return batches.train_batch(index)

        Stepper(NextToken(make_model()), Seen(), make_config(grad_accum=4), workers).update(3)

    together(update)
    assert seen == {0: [12, 14], 1: [13, 15]}


def test_steps_that_cannot_be_divided_among_workers_are_refused(make_model, make_config, batches):
    def build(workers):
        return Stepper(NextToken(make_model()), batches, make_config(grad_accum=3), workers)

    for error in together(build):
        assert isinstance(error, UserError)
        assert "grad_accum=3 is not divisible by the 2 workers; choose 2 or 4" in str(error)


@pytest.fixture
def run_together(make_model, make_config, batches, tmp_path):
    """Train in one folder with two workers, after ``prepare(trainer, worker)``."""

    def run(prepare=lambda trainer, worker: None, *, resume=False, **settings):
        def train(workers):
            trainer = Trainer(
                NextToken(make_model(np.float64, dropout=0.2, seed=0 if not resume else 9)),
                batches,
                make_config(**settings),
                workers=workers,
                out_dir=tmp_path / "run",
                resume=resume,
            )
            prepare(trainer, workers)
            return trainer.train(), trainer.model.store.values

        return together(train)

    return run


def test_a_run_of_two_equals_that_of_one_and_one_writes(
    run_together, make_trainer, make_model, tmp_path
):
    alone = make_trainer(
        model=make_model(np.float64, dropout=0.2), out_dir=tmp_path / "alone", average=2
    )
    expected = alone.train()
    for result, values in run_together(average=2):
        np.testing.assert_allclose(values, alone.model.store.values, rtol=1e-8, atol=1e-12)
        assert result.best_step == expected.best_step
        assert result.average_val_loss == pytest.approx(expected.average_val_loss, rel=1e-9)
    lines = [read_metrics(tmp_path / run / "metrics.jsonl") for run in ("run", "alone")]
    assert [line["step"] for line in lines[0]] == [line["step"] for line in lines[1]]
    names = [sorted(p.name for p in (tmp_path / run).iterdir()) for run in ("run", "alone")]
    assert names[0] == names[1]


def test_a_signal_to_one_stops_both_and_they_resume(run_together, make_trainer, make_model):
    def interrupt(trainer, worker):
        def at_step_5(trainer, record):
            if trainer.step == 5:
                trainer.stepper.stop.signal = signal.SIGTERM

        if worker.rank == 1:
            trainer.on("step", at_step_5)

    results = run_together(interrupt)
    assert [result.step for result, _ in results] == [5, 5]
    resumed = run_together(resume=True)
    alone = make_trainer(model=make_model(np.float64, dropout=0.2))
    alone.train()
    for result, values in resumed:
        assert result.step == 10
        np.testing.assert_allclose(values, alone.model.store.values, rtol=1e-8, atol=1e-12)


def test_a_loss_of_one_that_is_not_finite_ends_both(run_together):
    def spoil(trainer, worker):
        def spoiled(original):
            def method(*arguments, **settings):
                value, more = original(*arguments, **settings)
                return (math.nan if worker.rank == 1 and trainer.step == 3 else value), more

            return method

        objective = trainer.stepper.objective
        objective.run, objective.loss = spoiled(objective.run), spoiled(objective.loss)

    first, second = run_together(spoil, eval_interval=0)
    assert isinstance(first, NonFiniteError)
    assert isinstance(second, NonFiniteError)
    assert (first.step, second.step) == (3, 3)
    assert first.where == second.where == "the loss (all activations are finite)"
    assert "the loss became nan" in str(second)
