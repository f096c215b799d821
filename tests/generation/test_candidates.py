import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.generation.candidates import best_tokens
from scratchgpt.ops import log_softmax_forward

SHAPES = [((3, 2), 2), ((1, 64), 5), ((9, 1001), 8), ((5, 130), 130)]

each_dtype = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-14)]
)


@pytest.fixture(params=["kernels", "reference"], autouse=True)
def who_computes(request):
    if request.param == "kernels":
        pytest.importorskip("numba")
        yield
    else:
        with kernels.disabled():
            yield


@each_dtype
@pytest.mark.parametrize(("shape", "n"), SHAPES, ids=str)
def test_they_are_the_first_of_all_tokens_in_order(shape, n, dtype, tolerance, rng):
    logits = (5 * rng.standard_normal(shape)).astype(dtype)
    log_p, tokens = best_tokens(logits, n)
    expected, _ = log_softmax_forward(logits.astype(np.float64))
    order = np.argsort(-expected, axis=-1)[:, :n]
    np.testing.assert_array_equal(tokens, order)
    assert log_p.dtype == np.float64
    expected = np.take_along_axis(expected, order, axis=-1)
    np.testing.assert_allclose(log_p, expected, rtol=tolerance, atol=tolerance)


def test_of_equal_ones_the_lower_id_comes_first():
    logits = np.zeros((2, 200), np.float32)
    logits[0, [150, 3, 70]] = 1
    _, tokens = best_tokens(logits[:1], 3)
    np.testing.assert_array_equal(tokens, [[3, 70, 150]])


def test_large_logits_stay_finite():
    logits = np.array([[1e4, -1e4, 1e4, 0]], np.float32)
    log_p, tokens = best_tokens(logits, 3)
    np.testing.assert_array_equal(tokens, [[0, 2, 3]])
    np.testing.assert_allclose(log_p, [[-np.log(2), -np.log(2), -1e4 - np.log(2)]], rtol=1e-6)


def test_tokens_that_are_ruled_out_come_last():
    log_p, tokens = best_tokens(np.array([[-np.inf, 0.0, -np.inf, 1.0]]), 3)
    assert tokens[0, :2].tolist() == [3, 1]
    assert log_p[0, 2] == -np.inf


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(value):
    logits = np.zeros((3, 100), np.float32)
    logits[1, 77] = value
    expected = pytest.raises(UserError, match="the model's logits are NaN or infinite")
    with expected, np.errstate(all="ignore"):
        best_tokens(logits, 4)
