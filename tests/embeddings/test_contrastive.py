"""The contrastive objective: its gradient, and GradCache."""

import math
import signal

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import derive_seed, kernels_available
from scratchgpt.embeddings import Contrastive, ContrastiveBatch, ContrastiveBatches, EncodedPairs
from scratchgpt.errors import UserError
from scratchgpt.memory import Arena
from scratchgpt.ops.contrastive import contrastive_forward
from scratchgpt.ops.unit import unit_forward
from scratchgpt.text import TokenRows
from scratchgpt.text.micro_batches import micro_batches, pad_rows
from scratchgpt.training import TrainConfig, Trainer, read_metrics, trainer
from scratchgpt.verify import check_model

each_pooling = pytest.mark.parametrize("pooling", ["last", "mean"])
with_and_without_kernels = pytest.mark.parametrize(
    "reference",
    [
        True,
        pytest.param(
            False, marks=pytest.mark.skipif(not kernels_available(), reason="there are no kernels")
        ),
    ],
    ids=["reference", "kernels"],
)


def gradients(model, batch, *, reference, dloss=1.0, dropout_seed=None, **settings):
    """Return the loss and the gradients of all parameters."""
    objective = Contrastive(model, **settings)
    model.store.zero_grad()
    with kernels.disabled() if reference else kernels.disabled(np.complex128):
        loss, saved = objective.loss(batch, dropout_seed=dropout_seed)
        objective.loss_backward(dloss, saved)
    return loss, model.store.grads.copy()


@pytest.mark.reference
@pytest.mark.parametrize(
    ("pooling", "tokens_per_batch", "dropout"),
    [("mean", 10_000, 0.0), ("last", 50, 0.3)],
    ids=["one micro-batch", "several, with dropout"],
)
def test_the_gradient_is_the_derivative_of_the_loss(
    encoders, make_batch, pooling, tokens_per_batch, dropout
):
    model = encoders(np.float64, n_layer=1, pooling=pooling, dims=(7, 3), dropout=dropout)
    objective = Contrastive(model, tokens_per_batch=tokens_per_batch)
    settings = {"dropout_seed": 5} if dropout else {}
    with kernels.disabled():
        report = check_model(
            objective, make_batch(5, 2), settings=settings, method="complex", max_elements=3
        )
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == list(model.store.named)


@with_and_without_kernels
@each_pooling
@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 100], ids=lambda n: f"{n} texts at a time")
def test_micro_batches_change_no_gradient(
    encoders, make_batch, assert_close, pooling, n_rows, reference
):
    """Micro-batches of 1, 2, 3 or 5 of 15 texts, and one that would hold more than all."""
    model = encoders(np.float64, pooling=pooling, dims=(8,))
    batch = make_batch(6, 3)
    width = int(batch.rows.lengths.max())
    n_micro = len(micro_batches(batch.rows.lengths, n_rows * width))
    assert (n_micro == 1) == (n_rows == 100)
    whole, expected = gradients(model, batch, reference=True, tokens_per_batch=10**6)
    loss, grads = gradients(model, batch, reference=reference, tokens_per_batch=n_rows * width)
    assert_close(loss, whole, 1e-13)
    assert_close(grads, expected, 1e-12)
    dlog_scale = model.log_scale.grad.copy()
    assert abs(dlog_scale[0]) > 1e-3
    gradients(model, batch, reference=True, tokens_per_batch=10**6)
    assert_close(dlog_scale, model.log_scale.grad, 1e-12)


@with_and_without_kernels
def test_with_dropout_the_gradient_is_that_of_one_graph_over_the_same_micro_batches(
    encoders, make_batch, assert_close, reference, torch
):
    """The graph keeps all micro-batches; PyTorch differentiates the loss of their vectors."""
    model = encoders(np.float64, dropout=0.4, pooling="last")
    batch = make_batch(6, 2)
    n, budget, seed = batch.n_pairs, 50, 11
    loss, grads = gradients(
        model, batch, reference=reference, tokens_per_batch=budget, dropout_seed=seed
    )

    chunks = micro_batches(batch.rows.lengths, budget)
    assert len(chunks) > 2
    vectors, graph = np.empty((len(batch.rows), 12)), []
    with kernels.disabled():
        for i, indices in enumerate(chunks):
            vectors[indices], saved = model.forward(
                *pad_rows(batch.rows, indices, model.config.block_size),
                dropout_seed=derive_seed(seed, "micro-batch", i),
            )
            graph.append(saved)
        x = torch.from_numpy(vectors).requires_grad_()
        log_scale = torch.from_numpy(model.log_scale.value.copy()).requires_grad_()
        expected = torch_loss(torch, x, log_scale, batch.keys, n)
        expected.backward()
        model.store.zero_grad()
        for indices, saved in zip(chunks, graph, strict=True):
            model.backward(x.grad.numpy()[indices], saved)
        model.log_scale.grad[...] = log_scale.grad.numpy()
    assert_close(loss, expected.item(), 1e-13)
    assert_close(grads, model.store.grads, 1e-12)


def torch_loss(torch, x, log_scale, keys, n):
    """The loss as it is written in the papers, over the whole matrix of scores."""
    keys = torch.from_numpy(keys)
    units = torch.nn.functional.normalize(x, dim=1)
    z = torch.exp(log_scale) * (units[:n] @ units[n:].T)
    same = keys[n:][:n, None] == keys[n:][None, :]
    same[:, :n] |= keys[:n, None] == keys[None, :n]
    same[torch.arange(n), torch.arange(n)] = False
    z = z.masked_fill(same, -torch.inf)
    own = torch.arange(n)
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(z, own) + cross_entropy(z[:, :n].T, own)) / 2


def test_dropout_masks_are_those_of_the_first_pass_and_differ_between_micro_batches(
    encoders, make_batch
):
    model = encoders(np.float64, dropout=0.4)
    batch = make_batch(4)
    settings = {"reference": True, "tokens_per_batch": 40, "dropout_seed": 3}
    first, again = (gradients(model, batch, **settings) for _ in range(2))
    np.testing.assert_array_equal(first[1], again[1])
    assert first[0] == again[0]
    other = gradients(model, batch, **{**settings, "dropout_seed": 4})
    assert other[0] != first[0]
    _, saved = Contrastive(model, tokens_per_batch=40).loss(batch, dropout_seed=3)
    seeds = [part.dropout_seed for part in saved.micro_batches]
    assert len(set(seeds)) == len(seeds) > 1


def test_two_losses_may_come_before_their_backward_passes(encoders, make_batch, assert_close):
    model = encoders(np.float64)
    batches = [make_batch(4, seed=seed) for seed in (0, 1)]
    objective = Contrastive(model, tokens_per_batch=50)
    expected = sum(gradients(model, one, reference=True, tokens_per_batch=50)[1] for one in batches)
    with kernels.disabled():
        saved = [objective.loss(batch)[1] for batch in batches]
        model.store.zero_grad()
        for one in reversed(saved):
            objective.loss_backward(1.0, one)
    assert_close(model.store.grads, expected, 1e-13)


def test_the_upstream_gradient_scales_all_gradients(encoders, make_batch, assert_close):
    model = encoders(np.float64, dims=(5,))
    batch = make_batch(5, 1)
    for budget in (50, 10_000):
        settings = {"reference": True, "tokens_per_batch": budget}
        _, once = gradients(model, batch, **settings)
        _, scaled = gradients(model, batch, dloss=-2.5, **settings)
        assert_close(scaled, -2.5 * once, 1e-14)


def test_recomputation_changes_no_bit(encoders, make_batch):
    model = encoders(np.float64, dropout=0.2)
    for budget in (60, 10_000):
        settings = {"reference": True, "tokens_per_batch": budget, "dropout_seed": 5}
        plain = gradients(model, make_batch(5), **settings)
        recomputed = gradients(model, make_batch(5), recompute=True, **settings)
        assert plain[0] == recomputed[0]
        np.testing.assert_array_equal(plain[1], recomputed[1])


def test_the_loss_is_the_mean_over_the_dims(encoders, make_batch, assert_close):
    model = encoders(np.float64, dims=(7, 2))
    batch = make_batch(5, 2)
    n = batch.n_pairs
    with kernels.disabled():
        loss, saved = Contrastive(model).loss(batch)
        parts = []
        for size in (12, 7, 2):
            units = unit_forward(saved.vectors[:, :size].copy())[0]
            keys = {"query_keys": batch.keys[:n], "document_keys": batch.keys[n:]}
            parts.append(
                contrastive_forward(units[:n], units[n:], model.log_scale.value, **keys)[0]
            )
    assert_close(loss, np.mean(parts), 1e-14)
    assert len(set(parts)) == 3


def test_equal_texts_in_a_batch_are_no_negatives(encoders):
    """Two pairs with the same query: the loss does not ask for one document before the other."""
    rows = [np.array(row) for row in ([1, 2], [1, 2], [3], [4, 5, 6])]
    batch = ContrastiveBatch(TokenRows.of(rows, 31), np.array([0, 0, 1, 2]), 2)
    loss, saved = Contrastive(encoders(np.float64)).loss(batch)
    assert loss == 0
    assert saved.dims[0][2].found.all()
    different = batch._replace(keys=np.arange(4))
    assert Contrastive(encoders(np.float64)).loss(different)[0] > 0.1


def test_a_hard_negative_raises_the_loss_and_gets_a_gradient(encoders, make_batch):
    model = encoders(np.float64)
    batch = make_batch(3, 1)
    without = ContrastiveBatch(batch.rows.take(np.arange(6)), batch.keys[:6], 3)
    assert Contrastive(model).loss(batch)[0] > Contrastive(model).loss(without)[0]
    others, own = np.split(batch.rows.tokens, [batch.rows.lengths[:6].sum()])
    others[others == 0], own[...] = 1, 0  # token 0 is only in the hard negative
    gradients(model, batch, reference=True)
    assert np.abs(model.transformer.wte.weight.grad[0]).max() > 0


@pytest.mark.parametrize("n_pairs", [64, 512])
def test_memory_beyond_the_vectors_does_not_grow_with_the_batch(encoders, make_batch, n_pairs):
    """The arena holds one micro-batch and a few arrays of the vectors' size, at any M."""
    model = encoders(np.float32, n_embd=48, block_size=16)
    peaks = []
    for n in (16, n_pairs):
        arena = Arena()
        batch = make_batch(n, longest=16)
        objective = Contrastive(model, tokens_per_batch=512)
        with arena, kernels.disabled():
            _, saved = objective.loss(batch, dropout_seed=1)
            objective.loss_backward(1.0, saved)
        peaks.append(arena.peak)
    n_more = 2 * (n_pairs - 16) * 48 * 4  # bytes of the vectors that there are more
    assert peaks[1] - peaks[0] < 8 * n_more, (peaks, n_more)


def test_measures_and_the_limit_of_the_scale(encoders, make_batch):
    model = encoders(np.float64)
    objective, batch = Contrastive(model), make_batch(5)
    _, saved = objective.loss(batch)
    assert objective.measures(saved) == {
        "accuracy": saved.dims[0][2].found.mean(),
        "scale": pytest.approx(math.exp(1.25)),
    }
    assert objective.weight(batch) == 5
    assert objective.n_tokens(batch) == batch.rows.lengths.sum()
    model.log_scale.value[...] = 6.0
    objective.updated({})
    assert model.scale == pytest.approx(100)
    model.log_scale.value[...] = 2.0
    objective.updated({})
    assert model.log_scale.value[0] == 2.0


# Training.


@pytest.fixture
def make_run(encoders, make_batch, monkeypatch):
    """``make_run(out_dir, **settings)`` makes a Trainer of a small encoder."""
    monkeypatch.setattr(trainer, "plot_metrics", lambda run_directory, unit: False)

    def pairs(n, seed):
        rows = make_batch(n, seed=seed).rows
        queries, documents = rows.take(np.arange(n)), rows.take(np.arange(n, 2 * n))
        return EncodedPairs(queries, [documents])

    def make(out_dir=None, resume=False, **settings):
        settings = {"steps": 8, "lr": 1e-3, "warmup_steps": 1, "checkpoint_interval": 3, **settings}
        config = TrainConfig(**{"eval_interval": 4, "log_interval": 1, **settings})
        batches = ContrastiveBatches(pairs(20, 1), pairs(8, 2), batch_size=8, seed=config.seed)
        objective = Contrastive(encoders(dropout=0.2, dims=(6,)), tokens_per_batch=80)
        return Trainer(objective, batches, config, out_dir=out_dir, resume=resume)

    return make


def test_a_run_that_was_stopped_and_resumed_ends_with_the_same_bits(make_run, tmp_path):
    whole = make_run(tmp_path / "whole")
    whole.train()
    pieces = make_run(tmp_path / "pieces")
    pieces.on("step", lambda run, record: run.step == 4 and signal.raise_signal(signal.SIGINT))
    assert pieces.train().interrupted
    result = make_run(tmp_path / "pieces", resume=True).train()
    assert result.step == 8
    for file in ("model.safetensors", "training_state.safetensors", "config.json"):
        one, other = (tmp_path / name / "last" / file for name in ("whole", "pieces"))
        assert one.read_bytes() == other.read_bytes()
    losses = [
        [(r["step"], r.get("loss"), r.get("val_loss"), r.get("accuracy")) for r in read_metrics(p)]
        for p in (tmp_path / "whole" / "metrics.jsonl", tmp_path / "pieces" / "metrics.jsonl")
    ]
    assert losses[0] == losses[1]


def test_accumulation_is_refused_with_the_reason(make_run):
    with pytest.raises(UserError, match=r"grad_accum=2: .* negatives .* set grad_accum=1"):
        make_run(grad_accum=2)
