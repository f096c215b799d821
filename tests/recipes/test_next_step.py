"""The step to explore is the one that a resumed run takes next."""

from dataclasses import replace

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.explore.content import prepare
from scratchgpt.explore.record import record
from scratchgpt.recipes import configure, start, train
from scratchgpt.recipes.next_step import step_to_explore

TINY = {"n_layer": 1, "n_head": 2, "n_embd": 8}


def run_of_sort(**training):
    settings = {"steps": 3, "batch_size": 1, "eval_interval": 0, "seed": 4, **training}
    return configure(
        task="sort", preset="gpt-nano", model={**TINY, "dropout": 0.2}, training=settings
    )


def test_parameters_moments_batch_and_dropout_are_those_of_resume(tmp_path):
    run = run_of_sort(label_smoothing=0.1)
    with kernels.disabled():
        train(run, tmp_path / "run")
        before = {p.name: p.read_bytes() for p in (tmp_path / "run" / "last").iterdir()}
        step = step_to_explore(tmp_path / "run")
        after = {p.name: p.read_bytes() for p in (tmp_path / "run" / "last").iterdir()}
        recording = record(step)
        more = replace(run, training=replace(run.training, steps=4))
        training = start(more, tmp_path / "run", resume=True)
        steps = []
        training.trainer.on("step", lambda trainer, r: steps.append((r.loss, r.grad_norm)))
        training.trainer.train()
    assert before == after
    assert steps[0][0] == recording.loss
    state = step.optimizer
    assert (state.n_steps, state.config.beta2, state.config.grad_clip) == (3, 0.99, 1.0)
    np.testing.assert_array_equal(
        training.model.store.grads, step.model.store.grads, err_msg="the gradients of the step"
    )
    assert step.title == "Step 4 of the run in run"
    assert "The run is finished after 3 steps; this step would be next." in step.notes


def test_the_update_of_a_run_with_muon_is_that_of_its_next_step(tmp_path):
    run = run_of_sort(steps=3, optimizer="muon", schedule="constant")
    with kernels.disabled():
        train(run, tmp_path)
        step = step_to_explore(tmp_path)
        content = prepare(step, landscape=False)
        more = replace(run, training=replace(run.training, steps=4))
        training = start(more, tmp_path, resume=True)
        training.trainer.train()
    assert {name.split(".", 1)[0] for name in step.optimizer.moments} == {
        "exp_avg",
        "exp_avg_sq",
        "momentum_buffer",
    }
    for row in content.update.rows:
        after = training.model.store.named[row.name].value
        np.testing.assert_array_equal(content.values[row.after].array, after, err_msg=row.name)


def test_a_step_with_a_learning_rate_of_0_says_so(tmp_path):
    train(run_of_sort(schedule="wsd"), tmp_path / "wsd")
    note = "The learning rate is 0 at this step, so the update changes no parameter."
    assert note in step_to_explore(tmp_path / "wsd").notes
    train(run_of_sort(), tmp_path / "cosine")
    assert note not in step_to_explore(tmp_path / "cosine").notes


def test_the_first_row_of_the_first_micro_batch_is_shown(tmp_path):
    train(run_of_sort(batch_size=4, grad_accum=2), tmp_path)
    step = step_to_explore(tmp_path, most_tokens=9)
    assert step.batch.tokens.shape == (1, 9)
    assert step.notes[0] == (
        "The page shows the first of the 4 rows of the batch (micro-batch 1 of 2)."
    )
    assert step.notes[1].startswith("The row has 13 tokens; the page shows those from 1 to 9.")


def test_a_text_may_take_the_place_of_the_row(tmp_path):
    train(run_of_sort(), tmp_path)
    step = step_to_explore(tmp_path, "0120>")
    assert [step.spell(int(t)) for t in step.tokens] == list("0120")
    assert step.optimizer is not None
    assert "The text is yours; it is not from the training data of the run." in step.notes


def test_a_model_needs_a_text_and_has_no_optimizer(tmp_path):
    train(run_of_sort(), tmp_path)
    with pytest.raises(UserError, match=r"is a model and not a run.*--text"):
        step_to_explore(tmp_path / "last")
    with pytest.raises(UserError, match="has 1 token, but 2 are needed"):
        step_to_explore(tmp_path / "last", "0")
    step = step_to_explore(tmp_path / "last", "0120", most_tokens=2)
    assert step.optimizer is None
    assert step.dropout_seed is None
    assert step.batch.tokens.shape == (1, 2)


def test_a_translator_has_its_source_and_its_own_translation(tmp_path):
    run = configure(
        task="translation",
        corpus=("dates",),
        model={"n_encoder_layer": 1, "n_decoder_layer": 1, "n_head": 2, "n_embd": 8},
        training={"steps": 1, "tokens_per_batch": 100, "eval_interval": 0, "average": 0},
    )
    train(run, tmp_path)
    step = step_to_explore(tmp_path)
    assert step.source is not None
    assert len(step.source) <= 16
    own = step_to_explore(tmp_path / "last", "May 3", most_tokens=5)
    assert "".join(own.spell(int(t)) for t in own.source) == "May ⟨end⟩"
    assert len(own.tokens) == len(own.targets) <= 5


def test_a_run_whose_data_changed_is_refused(tmp_path):
    corpus = tmp_path / "text.txt"
    corpus.write_text("the quick brown fox " * 50)
    run = configure(
        corpus=(str(corpus),),
        model={**TINY, "block_size": 8},
        training={"steps": 1, "batch_size": 1, "eval_interval": 0},
    )
    train(run, tmp_path / "run")
    step_to_explore(tmp_path / "run")
    corpus.write_text("the quick brown fox  " * 50)
    with pytest.raises(UserError, match=r"the data of the run in .* changed since it was trained"):
        step_to_explore(tmp_path / "run")


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    train(run_of_sort(), tmp_path)
    (tmp_path / "last").rename(tmp_path / "away")
    with pytest.raises(UserError, match="has no last/ checkpoint"):
        step_to_explore(tmp_path)
    with pytest.raises(UserError, match="no model or run in"):
        step_to_explore(tmp_path / "nowhere")
