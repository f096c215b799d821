"""GPT in every form: the gradient of its loss with respect to every parameter."""

import numpy as np
import pytest

from scratchgpt.verify import check_layer, check_model


@pytest.mark.parametrize(
    ("method", "max_elements", "n_directions"), [("complex", 20, 2), ("central", 1, 1)]
)
def test_the_gradient_of_the_loss_is_its_derivative(model_case, method, max_elements, n_directions):
    """Some elements of each parameter, and directions through all of them."""
    model = model_case.build()
    report = check_model(
        model,
        *model_case.data(),
        settings=model_case.settings,
        method=method,
        max_elements=max_elements,
        n_directions=n_directions,
    )
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == list(model.store.named)


def test_the_gradient_of_the_loss_is_its_adjoint(model_case):
    model = model_case.build()
    for joint in (False, True):
        report = check_model(
            model, *model_case.data(), settings=model_case.settings, method="adjoint", joint=joint
        )
        report.raise_if_failed()
        assert report.worst_error <= 1e-10


def test_the_backward_of_the_logits_is_the_adjoint_of_the_forward(model_case):
    tokens, _ = model_case.data()
    check_layer(
        model_case.build(), tokens, settings=model_case.settings, method="adjoint"
    ).raise_if_failed()


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_every_single_element_of_every_parameter(small_gpt, norm_position):
    model = small_gpt(n_layer=1, dropout=0.2, norm_position=norm_position)
    tokens, targets = np.random.default_rng(0).integers(0, 13, (2, 2, 4))
    report = check_model(
        model, tokens, targets, settings={"dropout_seed": 3}, method="complex", max_elements=10_000
    )
    report.raise_if_failed()
    assert sum(row.n_elements for row in report.inputs) == model.store.size


def test_a_freshly_initialised_model_is_proven_too():
    from scratchgpt.models import GPT, GPTConfig

    config = GPTConfig(n_layer=3, n_head=2, n_embd=10, block_size=6, vocab_size=17, dropout=0.1)
    tokens, targets = np.random.default_rng(0).integers(0, 17, (2, 3, 6))
    check_model(
        GPT(config, dtype=np.float32), tokens, targets, settings={"dropout_seed": 3}
    ).raise_if_failed()


def test_the_gradient_of_a_smoothed_loss_is_its_derivative(small_gpt):
    tokens, targets = np.random.default_rng(1).integers(0, 13, (2, 2, 4))
    targets[1, 2] = -100
    check_model(
        small_gpt(), tokens, targets, settings={"label_smoothing": 0.1}, method="complex"
    ).raise_if_failed()
