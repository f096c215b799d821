import tracemalloc

import numpy as np
import pytest

from scratchgpt.ops import (
    contrastive_backward,
    contrastive_forward,
    cross_entropy_forward,
    softmax_forward,
    unit_forward,
)
from scratchgpt.precision import products_in

LOG_SCALE = np.array([0.5])


def draw(rng, n_pairs=5, n_documents=8, n_channels=4, dtype=np.float64):
    queries, documents = (rng.normal(size=(n, n_channels)) for n in (n_pairs, n_documents))
    return queries.astype(dtype), documents.astype(dtype), LOG_SCALE.astype(dtype)


def both(*inputs, dloss=1.7, **keys):
    """The loss and its three gradients."""
    loss, saved = contrastive_forward(*inputs, **keys)
    return loss, *contrastive_backward(dloss, saved)


def test_it_is_the_mean_of_the_cross_entropies_of_both_directions(rng):
    queries, documents, _ = inputs = draw(rng)
    loss, _ = contrastive_forward(*inputs)
    z = np.exp(0.5) * queries @ documents.T
    rows, _ = cross_entropy_forward(z, np.arange(5))
    columns, _ = cross_entropy_forward(z[:, :5].T.copy(), np.arange(5))
    np.testing.assert_allclose(loss, (rows + columns) / 2, rtol=1e-14)


def test_the_gradients_are_those_of_the_derivation(rng):
    queries, documents, _ = inputs = draw(rng)
    z = np.exp(0.5) * queries @ documents.T
    dz = softmax_forward(z)[0] - 2 * np.eye(5, 8)
    dz[:, :5] += softmax_forward(z[:, :5], axis=0)[0]
    dz *= 3 / 10
    expected = np.exp(0.5) * dz @ documents, np.exp(0.5) * dz.T @ queries, [(dz * z).sum()]
    for gradient, formula in zip(both(*inputs, dloss=3)[1:], expected, strict=True):
        np.testing.assert_allclose(gradient, formula, rtol=1e-12, atol=1e-15)


def test_equal_scores_cost_the_logarithm_of_the_number_of_candidates(rng):
    queries, documents, log_scale = draw(rng)
    loss, _ = contrastive_forward(np.zeros_like(queries), documents, log_scale)
    np.testing.assert_allclose(loss, (np.log(8) + np.log(5)) / 2, rtol=1e-14)


def test_one_pair_without_hard_negatives_has_no_loss_and_no_gradient(rng):
    loss, *gradients = both(*draw(rng, 1, 1))
    assert loss == 0
    for gradient in gradients:
        np.testing.assert_allclose(gradient, 0, atol=1e-15)


def test_a_hard_negative_is_a_wrong_answer_for_every_query_and_has_no_query(rng):
    queries, documents, log_scale = draw(rng, 3, 4)
    with_negative, saved = contrastive_forward(queries, documents, log_scale)
    without, saved_without = contrastive_forward(queries, documents[:3], log_scale)
    np.testing.assert_array_equal(saved.column_lse, saved_without.column_lse)
    z = np.exp(0.5) * queries @ documents.T
    added = np.log1p(np.exp(z[:, 3] - saved_without.row_lse)).mean() / 2
    np.testing.assert_allclose(with_negative - without, added, rtol=1e-12)


def test_equal_texts_are_left_out_of_both_directions(rng):
    """Pairs 0 and 2 have the same query; documents 1, 3 and the hard negative 5 are equal."""
    queries, documents, _ = inputs = draw(rng, 4, 6)
    keys = {"query_keys": np.array([8, 1, 8, 3]), "document_keys": np.array([0, 5, 2, 5, 4, 5])}
    loss, _ = contrastive_forward(*inputs, **keys)
    z = np.exp(0.5) * queries @ documents.T
    for i, j in ((0, 2), (2, 0), (1, 3), (3, 1), (1, 5), (3, 5)):
        z[i, j] = -np.inf
    rows, _ = cross_entropy_forward(z, np.arange(4))
    columns, _ = cross_entropy_forward(z[:, :4].T.copy(), np.arange(4))
    np.testing.assert_allclose(loss, (rows + columns) / 2, rtol=1e-14)


def test_scores_that_are_left_out_do_not_pull_or_push(rng):
    queries, documents, log_scale = draw(rng, 2, 3)
    keys = {"query_keys": np.array([4, 4]), "document_keys": np.array([0, 1, 2])}
    _, dqueries, ddocuments, _ = both(queries, documents, log_scale, **keys)
    z = np.exp(0.5) * queries @ documents.T
    for i in range(2):  # what remains is the own document and the hard negative
        p = softmax_forward(z[i, [i, 2]])[0]
        pull = 1.7 / 4 * np.exp(0.5) * (p[1] * (documents[2] - documents[i]))
        np.testing.assert_allclose(dqueries[i], pull, rtol=1e-9, atol=1e-14)
    assert (ddocuments[2] != 0).all()


def test_if_all_texts_are_equal_there_is_no_loss(rng):
    keys = {"query_keys": np.zeros(4, int), "document_keys": np.zeros(6, int)}
    loss, *gradients = both(*draw(rng, 4, 6), **keys)
    np.testing.assert_allclose(loss, 0, atol=1e-15)
    for gradient in gradients:
        np.testing.assert_allclose(gradient, 0, atol=1e-14)


def test_found_says_whether_the_own_document_has_the_highest_score():
    documents = np.eye(4)
    queries = np.array([[1.0, 0, 0, 0], [0, 1, 0, 2], [1, 0, 1, 0]])
    _, saved = contrastive_forward(queries, documents, LOG_SCALE)
    np.testing.assert_array_equal(saved.found, [True, False, True])  # a tie counts
    keys = np.array([0, 1, 2, 1])  # the document that is preferred is a copy of the own one
    _, saved = contrastive_forward(queries, documents, LOG_SCALE, document_keys=keys)
    np.testing.assert_array_equal(saved.found, [True, True, True])


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("block", [1, 8, 20, 1 << 20])
def test_the_result_does_not_depend_on_the_size_of_the_blocks(block, dtype, rng, monkeypatch):
    inputs = draw(rng, 7, 9, dtype=dtype)
    keys = {"query_keys": rng.integers(0, 5, 7), "document_keys": rng.integers(0, 6, 9)}
    expected = both(*inputs, **keys)
    monkeypatch.setattr("scratchgpt.ops.contrastive.BLOCK", block)
    for actual, reference in zip(both(*inputs, **keys), expected, strict=True):
        np.testing.assert_allclose(actual, reference, rtol=1e-12, atol=1e-14)


def peak_bytes(n_pairs, n_documents):
    inputs = draw(np.random.default_rng(0), n_pairs, n_documents, 2, np.float32)
    keys = {"query_keys": np.arange(n_pairs), "document_keys": np.arange(n_documents)}
    tracemalloc.start()
    both(*inputs, **keys)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_the_memory_grows_with_the_number_of_texts_and_not_with_the_number_of_scores(monkeypatch):
    monkeypatch.setattr("scratchgpt.ops.contrastive.BLOCK", 1 << 14)
    small, large = peak_bytes(1000, 1500), peak_bytes(2000, 3000)
    assert large < 2 * small
    assert large < 2000 * 3000  # less than a byte per score


def test_a_large_scale_stays_finite_in_float32(rng):
    queries, documents = (unit_forward(x)[0] for x in draw(rng, 6, 9, dtype=np.float32)[:2])
    for scale in (100, 1e4):
        loss, *gradients = both(queries, documents, np.log([scale]).astype(np.float32))
        assert loss.dtype == np.float32
        for gradient in (loss, *gradients):
            assert np.isfinite(gradient).all()


def test_a_product_of_an_activation_and_the_scale_has_the_gradient_of_the_log_scale(rng):
    """Multiplying all queries by s is the same as adding log s to the log scale."""
    queries, documents, log_scale = draw(rng)
    loss, dqueries, _, dlog_scale = both(queries, documents, log_scale)
    other, *_ = both(2 * queries, documents, log_scale - np.log(2))
    np.testing.assert_allclose(loss, other, rtol=1e-14)
    np.testing.assert_allclose((dqueries * queries).sum(), dlog_scale[0], rtol=1e-12)


def test_scores_are_not_rounded_to_bfloat16(rng):
    inputs = draw(rng, dtype=np.float32)
    expected = both(*inputs)
    with products_in("bf16"):
        for actual, reference in zip(both(*inputs), expected, strict=True):
            np.testing.assert_array_equal(actual, reference)


def test_micro_batches_that_replay_the_gradient_of_the_vectors_add_up_to_the_whole_batch(rng):
    """GradCache: the parameters have an effect only through the vectors."""
    texts, weight = rng.normal(size=(12, 5)), rng.normal(size=(5, 3))
    vectors = texts @ weight
    _, dqueries, ddocuments, _ = both(vectors[:6], vectors[6:], LOG_SCALE)
    dvectors = np.concatenate([dqueries, ddocuments])
    parts = [texts[i : i + 4].T @ dvectors[i : i + 4] for i in range(0, 12, 4)]
    np.testing.assert_allclose(sum(parts), texts.T @ dvectors, rtol=1e-12)
    separate = sum(
        texts[[i, i + 6]].T
        @ np.concatenate(both(*np.split(vectors[[i, i + 6]], 2), LOG_SCALE)[1:3])
        for i in range(6)
    )
    assert np.abs(separate).max() < 1e-12, "a batch of one pair has no gradient"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"queries": np.ones((3, 5))},
            r"queries are \(3, 5\), documents \(4, 2\)",
        ),
        ({"queries": np.ones(3)}, r"queries are \(3,\), documents \(4, 2\); use \(M, C\)"),
        ({"queries": np.ones((5, 2))}, r"queries are \(5, 2\).*a document for each"),
        ({"queries": np.ones((0, 2))}, r"queries are \(0, 2\).*at least one query"),
        ({"log_scale": np.ones(2)}, r"log_scale is \(2,\); use \(1,\)"),
        ({"query_keys": np.arange(4)}, r"query_keys are \(4,\); use \(3,\)"),
        ({"document_keys": np.arange(3)}, r"document_keys are \(3,\); use \(4,\)"),
        ({"query_keys": np.ones(3)}, "query_keys must be an integer array, got float64"),
        ({"document_keys": [1, 2, 3, 4]}, "document_keys must be an integer array, got list"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change, message):
    inputs = {"queries": np.ones((3, 2)), "documents": np.ones((4, 2)), "log_scale": np.ones(1)}
    with pytest.raises((TypeError, ValueError), match=f"contrastive: {message}"):
        contrastive_forward(**{**inputs, **change})
