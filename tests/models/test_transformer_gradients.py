"""The Transformer in every form: the gradient of its loss with respect to every parameter."""

import numpy as np
import pytest

from scratchgpt.verify import check_layer, check_model

SMOOTHED = {"label_smoothing": 0.1}


@pytest.mark.parametrize(
    ("method", "max_elements", "n_directions"), [("complex", 15, 2), ("central", 1, 1)]
)
def test_the_gradient_of_the_loss_is_its_derivative(
    transformer_case, method, max_elements, n_directions
):
    """Some elements of each parameter, and directions through all of them."""
    model = transformer_case.build()
    report = check_model(
        model,
        *transformer_case.data(),
        settings={**transformer_case.settings, **SMOOTHED},
        method=method,
        max_elements=max_elements,
        n_directions=n_directions,
    )
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == list(model.store.named)


def test_the_gradient_of_the_loss_is_its_adjoint(transformer_case):
    model = transformer_case.build()
    for joint in (False, True):
        report = check_model(
            model,
            *transformer_case.data(),
            settings=transformer_case.settings,
            method="adjoint",
            joint=joint,
        )
        report.raise_if_failed()
        assert report.worst_error <= 1e-10


def test_the_backward_of_the_logits_is_the_adjoint_of_the_forward(transformer_case):
    src, tgt, _ = transformer_case.data()
    settings = transformer_case.settings
    model = transformer_case.build()
    check_layer(model, src, tgt, settings=settings, method="adjoint").raise_if_failed()


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_the_halves_alone(small_transformer, norm_position):
    """Of the decoder the gradient of the memory too, which is what reaches the encoder."""
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


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_every_single_element_of_every_parameter(small_transformer, norm_position):
    model = small_transformer(
        n_encoder_layer=1, n_decoder_layer=1, dropout=0.2, norm_position=norm_position
    )
    rng = np.random.default_rng(0)
    src, (tgt, targets) = rng.integers(0, 13, (2, 4)), rng.integers(0, 13, (2, 2, 3))
    report = check_model(
        model,
        *(src, tgt, targets),
        settings={"dropout_seed": 3, **SMOOTHED},
        method="complex",
        max_elements=10_000,
    )
    report.raise_if_failed()
    assert sum(row.n_elements for row in report.inputs) == model.store.size


def without_memory(block):
    """What a block saved, with a weight of 0 for the keys and values of the memory."""
    c_kv = block.cross.branch.c_kv
    branch = block.cross.branch._replace(c_kv=c_kv._replace(weight=0 * c_kv.weight))
    return block._replace(cross=block.cross._replace(branch=branch))


def test_the_gradient_of_the_memory_is_the_sum_over_the_blocks(small_transformer, assert_close):
    """Each block's share alone: what is left where the others' maps to keys and values are 0."""
    model = small_transformer(n_decoder_layer=3)
    rng = np.random.default_rng(0)
    memory = rng.standard_normal((2, 5, 12))
    x, saved = model.decoder.forward(rng.integers(0, 13, (2, 4)), memory)
    dy = rng.standard_normal(x.shape)
    total = model.decoder.backward(dy, saved)

    shares = []
    for kept in range(3):
        # The maps are there in the forward pass, and taken away before the backward.
        others = [
            block if at == kept else without_memory(block) for at, block in enumerate(saved.stack.h)
        ]
        stack = saved.stack._replace(h=others)
        shares.append(model.decoder.backward(dy, saved._replace(stack=stack)))
        assert np.abs(shares[-1]).max() > 0
    assert_close(sum(shares), total, 1e-13)


def test_a_freshly_initialised_model_is_proven_too():
    from scratchgpt.models import Transformer, TransformerConfig

    config = TransformerConfig.from_preset("transformer-tiny", vocab_size=17, n_embd=12)
    src, tgt, targets = np.random.default_rng(0).integers(0, 17, (3, 2, 6))
    check_model(
        Transformer(config), src, tgt, targets, settings={"dropout_seed": 3}
    ).raise_if_failed()
