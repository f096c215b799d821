"""User-defined objectives: three that ``scratchgpt/training`` does not depend on."""

import json
import random
import signal
import time

import numpy as np
import pytest

from scratchgpt.checkpoints import find_checkpoint
from scratchgpt.errors import UserError
from scratchgpt.models import load_pretrained
from scratchgpt.text import TokenBatch
from scratchgpt.training import NextToken, NonFiniteError, Objective, Trainer, read_metrics
from scratchgpt.training.checkpoint import read_state
from scratchgpt.verify import check_model

NAMES = ["masked", "contrastive", "on_policy"]
each_objective = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def make_run(objectives):
    """A trainer for one of the objectives; keyword arguments go to its configuration."""

    def make(name, out_dir=None, *, resume=False, dtype=np.float32, **settings):
        case = objectives.make(name, dtype, **settings)
        return Trainer(
            case.objective,
            case.batches,
            case.config,
            evaluate=case.evaluate,
            out_dir=out_dir,
            resume=resume,
        )

    return make


def first_batch(case):
    if hasattr(case.batches, "begin_phase"):
        case.batches.begin_phase(0, case.objective)
    return case.batches.train_batch(0)


@each_objective
@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_it_is_proven_by_complex_step(objectives, name, method):
    case = objectives.make(name, np.float64)
    report = check_model(
        case.objective, first_batch(case), settings={"dropout_seed": 3}, method=method
    )
    report.raise_if_failed()
    assert report.worst_error < 1e-10
    assert {row.name for row in report.inputs} == set(case.objective.model.store.named)


@each_objective
def test_a_wrong_backward_is_found(objectives, name):
    case = objectives.make(name, np.float64)
    case.objective.loss_backward = lambda dloss, saved: type(case.objective).loss_backward(
        case.objective, 1.01 * dloss, saved
    )
    assert not check_model(case.objective, first_batch(case)).passed


@each_objective
def test_it_learns(make_run, name, tmp_path):
    steps = {"masked": 80, "contrastive": 120, "on_policy": 120}[name]
    run = make_run(name, tmp_path, steps=steps, eval_interval=20, checkpoint_interval=steps)
    before = run.evaluate()
    result = run.train()
    after = {**result.measures, "val_loss": result.val_loss}
    if name == "masked":
        assert after["val_loss"] < 0.6 * before["val_loss"]
        assert after["val_accuracy"] > before["val_accuracy"] + 0.3
    elif name == "contrastive":
        assert after["mrr"] > before["mrr"] + 0.3
        assert after["val_temperature"] < 0.8  # it is trained too
    else:
        assert after["test_reward"] > before["test_reward"] + 0.4
    best = {"masked": "val_accuracy", "contrastive": "mrr", "on_policy": "test_reward"}[name]
    records = [record for record in read_metrics(tmp_path / "metrics.jsonl") if best in record]
    assert result.best_value == max(record[best] for record in records)
    assert result.best_step == max(records, key=lambda record: record[best])["step"]


@each_objective
def test_measures_of_each_step_are_logged(make_run, name, tmp_path):
    make_run(name, tmp_path, steps=8, eval_interval=0, checkpoint_interval=8).train()
    measure = "reward" if name == "on_policy" else "accuracy"
    values = [record[measure] for record in read_metrics(tmp_path / "metrics.jsonl")]
    assert len(values) == 8
    assert all(0 <= value <= 1 for value in values)


def test_measures_are_means_weighted_as_the_loss_is(objectives, make_run):
    run = make_run("masked", dtype=np.float64, steps=1, warmup_steps=0)
    run.model.encoder.embedding.drop.p = 0.0
    run.objective.drops = False
    batches = [run.stepper.batches.train_batch(i) for i in range(2)]
    assert run.objective.weight(batches[0]) != run.objective.weight(batches[1])
    big = TokenBatch(*(np.concatenate(arrays) for arrays in zip(*batches, strict=True)))
    loss, saved = run.objective.loss(big)
    update = run.stepper.update(0)
    assert update.loss == pytest.approx(loss, rel=1e-12)
    assert update.measures == pytest.approx(run.objective.measures(saved), rel=1e-12)


def test_a_loss_that_does_not_split_refuses_to_be_split(make_run):
    with pytest.raises(UserError, match="grad_accum=2: the loss of Contrastive does not split"):
        make_run("contrastive", grad_accum=2)


@each_objective
@pytest.mark.parametrize(
    ("dtype", "optimizer"), [(np.float32, "adamw"), (np.float64, "adamw"), (np.float32, "muon")]
)
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(
    make_run, stop_after, name, dtype, optimizer, tmp_path
):
    settings = {"steps": 16, "eval_interval": 6, "checkpoint_interval": 4}
    settings |= {"dtype": dtype, "optimizer": optimizer}
    whole = make_run(name, tmp_path / "whole", **settings)
    whole.train()
    for i, stop in enumerate([3, 9, None]):
        pieces = make_run(name, tmp_path / "pieces", resume=i > 0, **settings)
        if stop is not None:
            stop_after(pieces, stop)
        pieces.train()
    np.testing.assert_array_equal(pieces.model.store.values, whole.model.store.values)
    for file in ("model.safetensors", "training_state.safetensors"):
        paths = [tmp_path / run / "last" / file for run in ("whole", "pieces")]
        assert paths[0].read_bytes() == paths[1].read_bytes()
    assert pieces.objective.state().keys() == whole.objective.state().keys()
    for key, value in whole.objective.state().items():
        np.testing.assert_array_equal(pieces.objective.state()[key], value, strict=True)
    assert curves(tmp_path / "whole") == curves(tmp_path / "pieces")


@each_objective
def test_a_run_that_was_killed_ends_like_an_unbroken_one(start_training, name, tmp_path):
    rng = random.Random(name)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for _ in range(2):
        process = start_training(name, killed, 1_000_000, 4, script="objective_process.py")
        for _ in range(6):
            assert process.stdout.readline().startswith("step "), process.stderr.read()
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stderr.read()
    reached = read_state(find_checkpoint(killed)).step
    assert reached >= 8
    steps = reached + 8
    for out_dir, interval in ((killed, 4), (whole, steps)):
        process = start_training(name, out_dir, steps, interval, script="objective_process.py")
        out, err = process.communicate(timeout=120)
        assert out.endswith("done\n"), err
    for file in ("last/model.safetensors", "last/training_state.safetensors"):
        assert (killed / file).read_bytes() == (whole / file).read_bytes()
    states = [
        json.loads((run / "last" / "training_state.json").read_text()) for run in (killed, whole)
    ]
    assert states[0]["objective"] == states[1]["objective"]
    assert curves(killed) == curves(whole)


def curves(out_dir):
    """Return the values of metrics.jsonl that must be equal, without times."""
    return [
        {name: value for name, value in record.items() if name not in ("elapsed", "tokens_per_s")}
        for record in read_metrics(out_dir / "metrics.jsonl")
    ]


def test_a_model_with_a_form_of_its_own_is_saved_in_it_and_others_by_their_parameters(
    make_run, tmp_path
):
    for name in ("on_policy", "contrastive"):
        make_run(name, tmp_path / name, steps=4, checkpoint_interval=4).train()
    model = load_pretrained(find_checkpoint(tmp_path / "on_policy"))
    assert model.config.n_layer == 1
    files = {path.name for path in (tmp_path / "contrastive" / "last").iterdir()}
    assert files == {"model.safetensors", "training_state.json", "training_state.safetensors"}


def test_the_state_may_follow_the_measures_of_each_update(make_run):
    run = make_run("on_policy", steps=8, eval_interval=0)
    rewards = []
    run.on("step", lambda trainer, record: rewards.append(record.measures["reward"]))
    run.train()
    np.testing.assert_array_equal(run.objective.rewards, np.float32(rewards[-3:]))


def test_the_state_of_another_objective_is_refused(objectives, make_run, tmp_path):
    make_run("on_policy", tmp_path, steps=4, checkpoint_interval=4).train()
    case = objectives.make("on_policy", steps=8, checkpoint_interval=4)
    case.objective.state = lambda: {"baseline": 0.0}
    with pytest.raises(UserError, match=r"another objective: baseline, rewards; .* has baseline;"):
        Trainer(case.objective, case.batches, case.config, out_dir=tmp_path, resume=True)


def test_a_state_that_cannot_be_saved_is_named(objectives, tmp_path):
    case = objectives.make("contrastive", steps=4, eval_interval=0)
    case.objective.state = lambda: {"seen": {1, 2}}
    run = Trainer(case.objective, case.batches, case.config, out_dir=tmp_path)
    with pytest.raises(UserError, match="state of Contrastive cannot be saved: 'seen' is neither"):
        run.train()


def test_state_without_load_state_is_refused():
    class Half(Objective):
        def weight(self, batch):
            return 1.0

        def loss(self, batch, *, dropout_seed=None):
            return 0.0, None

        def loss_backward(self, dloss, saved):
            pass

        def state(self):
            return {"a": 1}

    with pytest.raises(NotImplementedError, match="Half has a state"):
        Half().load_state({"a": 1})


@pytest.mark.parametrize(
    ("name", "parameter", "where"),
    [
        ("masked", "encoder.h.0.ln_1.weight", "parameter encoder.h.0.ln_1.weight"),
        ("contrastive", "log_scale", "parameter log_scale"),
    ],
)
def test_the_first_value_that_is_not_finite_is_named(make_run, name, parameter, where):
    run = make_run(name, steps=6, eval_interval=0)

    def plant(trainer, record):
        if trainer.step == 3:
            trainer.model.store.named[parameter].value.flat[0] = np.nan

    run.on("step", plant)
    with pytest.raises(NonFiniteError, match="at step 3") as caught:
        run.train()
    assert caught.value.where.startswith(where)


def test_an_activation_that_is_not_finite_is_named_by_its_place_in_what_was_saved(make_run):
    run = make_run("contrastive", steps=6, eval_interval=0)
    run.model.log_scale.value[...] = 200  # finite, but its exponential overflows
    with pytest.raises(NonFiniteError) as caught:
        run.train()
    assert caught.value.where.startswith("activation 2 (1 of 1 value")  # scale


class Measured(NextToken):
    def __init__(self, model, names):
        super().__init__(model)
        self.names = names

    def measures(self, saved):
        return dict.fromkeys(self.names, 0.5)


def test_names_that_are_taken_are_refused(make_model, make_config, batches, tmp_path):
    config = make_config(eval_interval=5)
    run = Trainer(Measured(make_model(), ["lr"]), batches, config)
    with pytest.raises(UserError, match="the measure 'lr' has the name of a metrics field"):
        run.train()
    run = Trainer(Measured(make_model(), ["f1"]), batches, config, evaluate=lambda: {"loss": 1.0})
    with pytest.raises(UserError, match="the measure 'loss' has the name of a metrics field"):
        run.train()
    for name in ("val_f1", "f1"):
        run = Trainer(
            Measured(make_model(), ["f1"]),
            batches,
            config,
            evaluate=lambda name=name: {name: 1.0},
            out_dir=tmp_path / name,
        )
        with pytest.raises(UserError, match=f"returns '{name}', which"):
            run.train()


def test_best_names_a_score_and_its_direction(make_model, make_config, batches, tmp_path):
    scores = iter([0.2, 0.9, 0.5, 0.1])
    config = make_config(best="f1", best_mode="max")
    run = Trainer(
        NextToken(make_model()),
        batches,
        config,
        evaluate=lambda: {"f1": next(scores)},
        out_dir=tmp_path,
    )
    values = {}
    run.on("step", lambda trainer, record: values.update({trainer.step: values_of(trainer)}))
    result = run.train()
    assert (result.best_step, result.best_value) == (4, 0.9)
    losses = {
        r["step"]: r["val_loss"] for r in read_metrics(tmp_path / "metrics.jsonl") if "f1" in r
    }
    assert result.best_val_loss == losses[4]
    best = load_pretrained(find_checkpoint(tmp_path, "best"))
    np.testing.assert_array_equal(best.store.values, values[4])


def values_of(trainer):
    return trainer.model.store.values.copy()


def test_an_unmeasured_best_lists_the_measured_scores(make_model, make_config, batches):
    config = make_config(best="val_acuracy", best_mode="max")
    run = Trainer(Measured(make_model(), ["accuracy"]), batches, config)
    with pytest.raises(UserError, match=r"choose one of val_loss, val_accuracy.*did you mean"):
        run.train()


def test_a_measure_that_is_not_a_number_is_never_the_best_and_not_logged(
    make_model, make_config, batches, tmp_path
):
    scores = iter([np.nan, 0.3, np.nan, 0.2])
    run = Trainer(
        NextToken(make_model()),
        batches,
        make_config(best="f1", best_mode="max"),
        evaluate=lambda: {"f1": next(scores)},
        out_dir=tmp_path,
    )
    assert run.train().best_step == 4
    logged = [r["step"] for r in read_metrics(tmp_path / "metrics.jsonl") if "f1" in r]
    assert logged == [4, 10]


def test_the_average_of_checkpoints_is_scored_too(make_model, make_config, batches, tmp_path):
    run = Trainer(
        Measured(make_model(), ["accuracy"]),
        batches,
        make_config(average=2),
        evaluate=lambda: {"f1": 0.25},
        out_dir=tmp_path,
    )
    run.train()
    last = read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert last["average_f1"] == 0.25
    assert last["average_val_accuracy"] == 0.5
    assert last["average_val_loss"] == run.train().average_val_loss
