"""The loss in pieces, which trains language models, equals that of all logits at once."""

import numpy as np
import pytest

from scratchgpt.layers import head as head_module
from scratchgpt.layers.head import FEWEST_ROWS, PIECE_LOGITS, rows_of_piece
from scratchgpt.memory import Arena
from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig
from scratchgpt.models.families import FAMILIES, form_of
from scratchgpt.training import NextToken

SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 7, "vocab_size": 13, "dropout": 0.2}
CONFIGS = {name: GPTConfig(**{**SIZES, **form_of(name)}) for name in FAMILIES}
CONFIGS["capped"] = GPTConfig(**SIZES, logit_soft_cap=2.0, tied_head=False)
CONFIGS["transformer"] = TransformerConfig(
    n_encoder_layer=1, n_decoder_layer=2, n_head=2, n_embd=8, block_size=7, vocab_size=13
)


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of at most four rows."""
    monkeypatch.setattr(head_module, "FEWEST_ROWS", 4)
    monkeypatch.setattr(head_module, "PIECE_LOGITS", 1)


def problem(config, dtype, **settings):
    """An objective with weights of about 1, and a batch with targets that do not count."""
    rng = np.random.default_rng(1)
    model = (Transformer if isinstance(config, TransformerConfig) else GPT)(config, dtype=dtype)
    values = model.store.values
    values[...] = rng.normal(size=values.shape).astype(dtype)
    n_texts = 3 if isinstance(model, Transformer) else 2
    batch = rng.integers(0, config.vocab_size, (n_texts, 3, 7))
    batch[-1, 1, 2:] = -100
    return NextToken(model, **settings), tuple(batch)


def separately(objective, batch, dloss, **settings):
    objective.model.store.zero_grad()
    loss, saved = objective.loss(batch, **settings)
    objective.loss_backward(dloss, saved)
    return loss, objective.model.store.grads.copy()


def in_pieces(objective, batch, dloss, **settings):
    objective.model.store.zero_grad()
    loss, measures = objective.run(batch, dloss, **settings)
    assert measures == {}
    return loss, objective.model.store.grads.copy()


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.1}, {"recompute": True}], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("name", CONFIGS)
def test_loss_and_gradient_are_those_of_all_logits(name, dtype, settings):
    objective, batch = problem(CONFIGS[name], dtype, **settings)
    for dropout_seed in (None, 3):
        expected, gradient = separately(objective, batch, 0.7, dropout_seed=dropout_seed)
        loss, own = in_pieces(objective, batch, 0.7, dropout_seed=dropout_seed)
        assert loss.dtype == dtype
        np.testing.assert_allclose(loss, expected, rtol=1e-13)
        np.testing.assert_allclose(own, gradient, rtol=0, atol=1e-13 * abs(gradient).max())


@pytest.mark.usefixtures("small_pieces")
def test_without_dloss_it_is_the_loss_alone():
    objective, batch = problem(CONFIGS["capped"], np.float64)
    expected, gradient = separately(objective, batch, 1.0)
    loss, measures = objective.run(batch)
    assert (loss, measures) == (pytest.approx(expected, rel=1e-13), {})
    np.testing.assert_array_equal(objective.model.store.grads, gradient)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("frozen", ["lm_head.weight", "transformer.h.0.mlp.c_fc.weight"])
def test_frozen_parameters_get_no_gradient(frozen):
    objective, batch = problem(CONFIGS["capped"], np.float64)
    objective.model.store.freeze({frozen})
    _, gradient = separately(objective, batch, 1.0)
    _, own = in_pieces(objective, batch, 1.0)
    np.testing.assert_allclose(own, gradient, rtol=0, atol=1e-13 * abs(gradient).max())


@pytest.mark.usefixtures("small_pieces")
def test_float32_stays_float32():
    objective, batch = problem(CONFIGS["llama"], np.float32)
    expected, gradient = separately(objective, batch, 1.0)
    loss, own = in_pieces(objective, batch, 1.0)
    assert (loss.dtype, own.dtype) == (np.float32, np.float32)
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(own, gradient, rtol=0, atol=1e-5 * abs(gradient).max())


def test_no_target_counts():
    objective, batch = problem(CONFIGS["llama"], np.float64)
    batch[-1][...] = -100
    loss, gradient = in_pieces(objective, batch, 1.0)
    assert loss == 0
    assert not gradient.any()


def test_the_pieces_are_about_equal():
    assert rows_of_piece(1024, 65) == 1024
    assert rows_of_piece(1024, 49152) == 256  # of at most 341
    assert rows_of_piece(1000, 1_000_000) == 250  # of at most FEWEST_ROWS
    assert rows_of_piece(3, 1_000_000) == 3
    for n_rows in (1, 255, 257, 5000, 12345):
        for n_logits in (1, 300, 50257, 151936):
            rows = rows_of_piece(n_rows, n_logits)
            n_pieces = -(-n_rows // rows)
            assert rows <= max(FEWEST_ROWS, PIECE_LOGITS // n_logits)
            assert n_rows - (n_pieces - 1) * rows > 0


def test_all_logits_are_never_in_memory(monkeypatch):
    """An arena counts what a step takes: far less than its logits, forward alone or with back."""
    monkeypatch.setattr(head_module, "PIECE_LOGITS", 1)
    monkeypatch.setattr(head_module, "FEWEST_ROWS", 16)
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 8, "block_size": 128, "vocab_size": 5000}
    objective = NextToken(GPT(GPTConfig(**sizes)))
    batch = np.random.default_rng(0).integers(0, 5000, (2, 4, 128))
    all_logits = 4 * 128 * 4 * 5000
    for dloss in (None, 1.0):
        arena = Arena()
        with arena:
            objective.run(tuple(batch), dloss)
        assert arena.peak < all_logits / 4


def test_targets_of_another_shape_are_refused():
    head = GPT(CONFIGS["capped"], dtype=np.float64).lm_head
    with pytest.raises(ValueError, match=r"head: x is \(2, 3, 8\) but targets \(3, 2\)"):
        head.loss_in_pieces(np.ones((2, 3, 8)), np.zeros((3, 2), int))


def test_a_subclass_is_run_through_its_own_methods():
    class Doubled(NextToken):
        def loss(self, batch, *, dropout_seed=None):
            loss, saved = super().loss(batch, dropout_seed=dropout_seed)
            return 2 * loss, saved

        def loss_backward(self, dloss, saved):
            super().loss_backward(2 * dloss, saved)

        def measures(self, saved):
            return {"texts": len(saved.cross_entropy.targets)}

    class Named(Doubled):
        unit = "nats"

    objective, batch = problem(CONFIGS["llama"], np.float64)
    expected, gradient = in_pieces(objective, batch, 1.0)
    for kind in (Doubled, Named):
        objective.model.store.zero_grad()
        loss, measures = kind(objective.model).run(batch, 1.0)
        assert loss == pytest.approx(2 * expected, rel=1e-13)
        assert measures == {"texts": 3}
        own = objective.model.store.grads
        np.testing.assert_allclose(own, 2 * gradient, rtol=0, atol=1e-12 * abs(gradient).max())
