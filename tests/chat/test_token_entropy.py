import numpy as np
import pytest

from scratchgpt.chat.token_entropy import token_entropy_backward, token_entropy_forward
from scratchgpt.verify import check_vjp


@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_the_gradient_is_the_derivative(method, rng):
    weights = rng.random((3, 4)) * (rng.random((3, 4)) < 0.7)

    def forward(logits):
        return token_entropy_forward(logits, weights)

    inputs = {"logits": 3 * rng.standard_normal((3, 4, 5))}
    check_vjp(forward, token_entropy_backward, inputs, method=method).raise_if_failed()


def test_it_equals_pytorch(rng, torch, assert_close):
    logits, weights = 2 * rng.standard_normal((3, 4, 5)), rng.random((3, 4))
    given = torch.tensor(logits, requires_grad=True)
    entropies = torch.distributions.Categorical(logits=given).entropy()
    expected = (torch.tensor(weights) * entropies).sum() / 3
    expected.backward()
    mean, saved = token_entropy_forward(logits, weights)
    assert_close(mean, expected.item(), 1e-12)
    assert_close(token_entropy_backward(1.0, saved), given.grad.numpy(), 1e-12)


def test_equal_probabilities_have_the_largest_entropy():
    mean, saved = token_entropy_forward(np.zeros((2, 1, 7)), np.ones((2, 1)))
    assert mean == pytest.approx(np.log(7))
    assert np.abs(token_entropy_backward(1.0, saved)).max() < 1e-15
    mean, saved = token_entropy_forward(np.array([[[0.0, 800.0]]]), np.ones((1, 1)))
    assert mean == 0
    assert not token_entropy_backward(1.0, saved).any()
