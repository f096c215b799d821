import numpy as np
import pytest

from scratchgpt.chat.value_loss import value_loss_backward, value_loss_forward
from scratchgpt.verify import check_vjp

N, T = 5, 7


@pytest.fixture
def arrays(rng):
    """Old values, returns and weights; a third of the tokens are padding."""
    weights = rng.uniform(0.5, 2, (N, T)) * (rng.random((N, T)) < 0.7)
    return *rng.standard_normal((2, N, T)), weights


@pytest.mark.parametrize("clip", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_the_gradient_is_the_derivative(clip, method, rng, arrays):
    old, returns, weights = arrays

    def forward(values):
        return value_loss_forward(values, old, returns, weights, clip=clip)

    inputs = {"values": old + rng.standard_normal((N, T)) * 0.5}
    check_vjp(forward, value_loss_backward, inputs, method=method).raise_if_failed()


@pytest.mark.parametrize(
    ("value", "gradient", "loss"),
    [
        (0.1, 0.1 - 1, (0.1 - 1) ** 2),  # within the limits
        (0.9, 0, (0.2 - 1) ** 2),  # has moved to its return already
        (-0.9, -0.9 - 1, (-0.9 - 1) ** 2),  # has moved away from it
    ],
)
def test_only_moves_to_the_return_are_clipped(value, gradient, loss):
    old, returns, weights = np.zeros((1, 1)), np.ones((1, 1)), np.ones((1, 1))
    found, saved = value_loss_forward(np.full((1, 1), value), old, returns, weights, clip=0.2)
    assert found == pytest.approx(loss / 2)
    assert value_loss_backward(1.0, saved)[0, 0] == pytest.approx(gradient)
    assert saved.clipped[0, 0] == (gradient == 0)


def test_padding_has_no_loss_and_no_gradient(rng, arrays):
    old, returns, weights = arrays
    values = rng.standard_normal((N, T))
    other = np.where(weights > 0, values, 1e6)
    results = [value_loss_forward(each, old, returns, weights) for each in (values, other)]
    assert results[0][0] == results[1][0]
    assert not value_loss_backward(1.0, results[1][1])[weights == 0].any()


@pytest.mark.parametrize("clip", [0.2, 1.0])
def test_it_equals_the_published_code(clip, rng, arrays, torch, assert_close):
    """The formula of both projects that ``test_advantages.py`` names, as a mean over tokens."""
    old, returns, mask = arrays[0], arrays[1], arrays[2] > 0
    values = torch.tensor(old + rng.standard_normal((N, T)), requires_grad=True)
    target, before, counts = torch.tensor(returns), torch.tensor(old), torch.tensor(mask)
    near = torch.clamp(values, before - clip, before + clip)
    worse = torch.maximum(torch.square(values - target), torch.square(near - target))
    expected = 0.5 * worse[counts].mean()
    expected.backward()
    weights = mask * N / mask.sum()
    loss, saved = value_loss_forward(values.detach().numpy(), old, returns, weights, clip=clip)
    assert_close(loss, expected.item(), 1e-12)
    assert_close(value_loss_backward(1.0, saved), values.grad.numpy(), 1e-12)
    assert 0 < saved.clipped.sum() < mask.sum()
