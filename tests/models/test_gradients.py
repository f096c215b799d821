"""The gradient of the loss for every parameter, for every model in every form."""

import numpy as np
import pytest

from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig
from scratchgpt.verify import check_layer, check_model

SEED = {"dropout_seed": 3}
SMOOTHED = {"label_smoothing": 0.1}


@pytest.mark.reference
@pytest.mark.parametrize(
    ("method", "max_elements", "n_directions"), [("complex", 4, 2), ("central", 0, 1)]
)
def test_the_gradient_of_the_loss_is_its_derivative(any_case, method, max_elements, n_directions):
    """Check some elements of each parameter, and directions through all elements."""
    model = any_case.build()
    report = check_model(
        model,
        *any_case.data(),
        settings=any_case.loss_settings,
        method=method,
        max_elements=max_elements,
        n_directions=n_directions,
    )
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == list(model.store.named)


@pytest.mark.reference
def test_the_gradient_of_the_loss_is_its_adjoint(any_case):
    model = any_case.build()
    for joint in (False, True):
        report = check_model(
            model, *any_case.data(), settings=any_case.settings, method="adjoint", joint=joint
        )
        report.raise_if_failed()
        assert report.worst_error <= 1e-10


@pytest.mark.reference
def test_the_backward_of_the_logits_is_the_adjoint_of_the_forward(any_case):
    *texts, _ = any_case.data()
    check_layer(
        any_case.build(), *texts, settings=any_case.settings, method="adjoint"
    ).raise_if_failed()


def check_every_element(model, *data, **settings):
    report = check_model(
        model, *data, settings={**SEED, **settings}, method="complex", max_elements=10_000
    )
    report.raise_if_failed()
    assert sum(row.n_elements for row in report.inputs) == model.store.size


@pytest.mark.reference
@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_every_single_element_of_every_parameter_of_gpt(small_gpt, norm_position):
    model = small_gpt(n_layer=1, dropout=0.2, norm_position=norm_position)
    check_every_element(model, *np.random.default_rng(0).integers(0, 13, (2, 2, 4)))


@pytest.mark.reference
@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_every_single_element_of_every_parameter_of_a_transformer(small_transformer, norm_position):
    layers = {"n_encoder_layer": 1, "n_decoder_layer": 1}
    model = small_transformer(**layers, dropout=0.2, norm_position=norm_position)
    rng = np.random.default_rng(0)
    src, (tgt, targets) = rng.integers(0, 13, (2, 4)), rng.integers(0, 13, (2, 2, 3))
    check_every_element(model, src, tgt, targets, **SMOOTHED)


@pytest.mark.parametrize(
    ("kind", "config", "n_texts"),
    [
        (
            GPT,
            GPTConfig(n_layer=3, n_head=2, n_embd=10, block_size=6, vocab_size=17, dropout=0.1),
            2,
        ),
        (
            Transformer,
            TransformerConfig.from_preset("transformer-tiny", vocab_size=17, n_embd=12),
            3,
        ),
    ],
    ids=["GPT", "Transformer"],
)
def test_a_newly_initialized_model_is_checked_too(kind, config, n_texts):
    data = np.random.default_rng(0).integers(0, 17, (n_texts, 3, 6))
    check_model(kind(config), *data, settings=SEED).raise_if_failed()


@pytest.mark.reference
def test_the_gradient_of_a_smoothed_loss_is_its_derivative(small_gpt):
    tokens, targets = np.random.default_rng(1).integers(0, 13, (2, 2, 4))
    targets[1, 2] = -100
    check_model(small_gpt(), tokens, targets, settings=SMOOTHED, method="complex").raise_if_failed()


@pytest.mark.reference
@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_encoder_and_decoder_alone(small_transformer, norm_position):
    """For the decoder, also check the gradient of the memory, which reaches the encoder."""
    model = small_transformer(norm_position=norm_position, dropout=0.2)
    rng = np.random.default_rng(0)
    src, tgt = rng.integers(0, 13, (2, 5)), rng.integers(0, 13, (2, 4))
    memory = rng.standard_normal((2, 5, 12))
    settings = {"dropout_seed": 3}
    for method in ("complex", "adjoint"):
        options = {"settings": settings, "method": method}
        check_layer(model.encoder, src, **options).raise_if_failed()
        report = check_layer(model.decoder, tgt, memory, **options)
        report.raise_if_failed()
        assert "memory" in [row.name for row in report.inputs]


def without_memory(block):
    """Return the saved of a block with zero weights for the memory's keys and values."""
    c_kv = block.cross.branch.c_kv
    branch = block.cross.branch._replace(c_kv=c_kv._replace(weight=0 * c_kv.weight))
    return block._replace(cross=block.cross._replace(branch=branch))


@pytest.mark.reference
def test_the_gradient_of_the_memory_is_the_sum_over_the_blocks(small_transformer, assert_close):
    """The share of a block is what remains if the other blocks' key and value maps are 0."""
    model = small_transformer(n_decoder_layer=3)
    rng = np.random.default_rng(0)
    memory = rng.standard_normal((2, 5, 12))
    x, saved = model.decoder.forward(rng.integers(0, 13, (2, 4)), memory)
    dy = rng.standard_normal(x.shape)
    total = model.decoder.backward(dy, saved)

    shares = []
    for kept in range(3):
        # The maps are used in the forward pass, and set to 0 before the backward pass.
        others = [
            block if at == kept else without_memory(block) for at, block in enumerate(saved.stack.h)
        ]
        stack = saved.stack._replace(h=others)
        shares.append(model.decoder.backward(dy, saved._replace(stack=stack)))
        assert np.abs(shares[-1]).max() > 0
    assert_close(sum(shares), total, 1e-13)
