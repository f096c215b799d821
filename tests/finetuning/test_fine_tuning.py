import numpy as np
import pytest

from scratchgpt.finetuning import FineTuning, LabeledBatch
from scratchgpt.verify import check_model


@pytest.mark.parametrize("tied_head", [True, False])
def test_all_gradients_are_proven_by_complex_step(problem, tied_head, make_model, make_batch):
    model = make_model(problem, tied_head=tied_head, dropout=0.2, n_layer=1)
    report = check_model(
        FineTuning(model), make_batch(model, 3), settings={"dropout_seed": 4}, joint=True
    )
    assert report.passed, report
    assert report.worst_error < 1e-10


def test_without_the_language_model_all_gradients_are_proven(make_model, make_batch):
    model = make_model("choice", lm_weight=0.0, n_layer=1)
    report = check_model(FineTuning(model), make_batch(model, 3), joint=True)
    assert report.passed, report


def test_the_loss_is_that_of_the_labels_plus_half_of_that_of_the_language_model(
    problem, make_model, make_batch
):
    """Equation 5 of the paper, with the means of the published code, from single rows."""
    model = make_model(problem)
    batch = make_batch(model)
    outputs, _ = model.forward(batch.tokens, batch.lengths)
    z = outputs.logits
    if problem == "similarity":
        label_loss = np.mean((z[:, 0] - batch.targets) ** 2)
    else:
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        label_loss = -np.mean(log_p[np.arange(len(z)), batch.targets])
    means = []
    for row, length in zip(batch.tokens.reshape(-1, 7), batch.lengths.reshape(-1), strict=True):
        x, _ = model.transformer.forward(row[None, :length])
        z = model.lm_head.forward(x)[0][0, :-1]
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        means.append(-np.mean(log_p[np.arange(length - 1), row[1:length]]))
    loss, saved = FineTuning(model).loss(batch)
    np.testing.assert_allclose(loss, label_loss + 0.5 * np.mean(means), rtol=1e-12)
    np.testing.assert_allclose(saved.lm_loss, np.mean(means), rtol=1e-12)


def test_padding_changes_nothing(problem, make_model, make_batch, assert_close):
    model = make_model(problem)
    batch = make_batch(model, lengths=5)
    padded = batch._replace(tokens=np.pad(batch.tokens[..., :5], [(0, 0), (0, 0), (0, 3)]))
    short = batch._replace(tokens=batch.tokens[..., :5])
    results = []
    for each in (short, padded):
        model.store.grads[...] = 0
        objective = FineTuning(model)
        loss, saved = objective.loss(each)
        objective.loss_backward(1.0, saved)
        results.append((loss, model.store.grads.copy()))
    assert_close(results[1][0], results[0][0], 1e-12)
    assert_close(results[1][1], results[0][1], 1e-12)


def test_micro_batches_add_up_to_the_whole_batch(problem, make_model, make_batch, assert_close):
    model = make_model(problem)
    batch = make_batch(model)
    objective = FineTuning(model)
    loss, saved = objective.loss(batch)
    objective.loss_backward(1.0, saved)
    whole, total = model.store.grads.copy(), 0.0
    model.store.grads[...] = 0
    for part in (slice(0, 2), slice(2, 5)):
        some = LabeledBatch(*(array[part] for array in batch))
        weight = objective.weight(some) / objective.weight(batch)
        value, saved = objective.loss(some)
        objective.loss_backward(weight, saved)
        total += weight * value
    assert_close(total, loss, 1e-12)
    assert_close(model.store.grads, whole, 1e-12)


def test_the_order_of_similar_texts_changes_nothing(make_model, make_batch):
    model = make_model("similarity")
    batch = make_batch(model)
    swapped = batch._replace(tokens=batch.tokens[:, ::-1], lengths=batch.lengths[:, ::-1])
    logits, other = (
        model.forward(each.tokens, each.lengths)[0].logits for each in (batch, swapped)
    )
    np.testing.assert_array_equal(logits, other)


def test_the_measures_are_those_of_the_logits(make_model, make_batch):
    for problem in ("entailment", "choice"):
        model = make_model(problem)
        batch = make_batch(model)
        objective = FineTuning(model)
        measures = objective.measures(objective.loss(batch)[1])
        logits = model.forward(batch.tokens, batch.lengths)[0].logits
        assert measures["accuracy"] == np.mean(logits.argmax(1) == batch.targets)
        assert measures["lm_loss"] > 0
    model = make_model("similarity", lm_weight=0.0, spread=2.0)
    batch = make_batch(model)
    objective = FineTuning(model)
    logits = model.forward(batch.tokens, batch.lengths)[0].logits[:, 0]
    assert objective.measures(objective.loss(batch)[1]) == {
        "squared_error": pytest.approx(4 * np.mean((logits - batch.targets) ** 2))
    }


def test_the_objective_drops_if_either_dropout_is_on(make_model):
    assert FineTuning(make_model()).drops
    assert not FineTuning(make_model(classifier_dropout=0.0)).drops
    assert FineTuning(make_model(classifier_dropout=0.0, dropout=0.1)).drops
