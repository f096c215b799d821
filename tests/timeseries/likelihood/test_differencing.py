import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.timeseries.likelihood.differencing import (
    difference,
    difference_backward,
    undifference,
)

CASES = [(0, 0, 1), (1, 0, 1), (2, 0, 1), (0, 1, 4), (1, 1, 4), (2, 2, 3)]


def test_the_definition():
    y = np.array([1.0, 4.0, 9.0, 16.0, 25.0, 36.0])
    np.testing.assert_array_equal(difference(y, 1), [3, 5, 7, 9, 11])
    np.testing.assert_array_equal(difference(y, 2), [2, 2, 2, 2])
    np.testing.assert_array_equal(difference(y, 0, 1, 4), [24, 32])
    np.testing.assert_array_equal(difference(y, 1, 1, 4), [8])
    np.testing.assert_array_equal(difference(np.stack([y, 2 * y], 1), 2)[:, 1], [4, 4, 4, 4])
    assert difference(y) is y


@pytest.mark.parametrize("case", CASES)
def test_the_backward_pass_is_the_adjoint(case, rng):
    y, dw = rng.normal(size=(20, 2)), rng.normal(size=(20 - case[0] - case[1] * case[2], 2))
    left = (difference(y, *case) * dw).sum()
    assert left == pytest.approx((y * difference_backward(dw, *case)).sum(), rel=1e-12)


@given(seed=st.integers(0, 1000), case=st.sampled_from(CASES))
def test_undifference_inverts_difference(seed, case):
    y = np.random.default_rng(seed).normal(size=23)
    start = y[: case[0] + case[1] * case[2]]
    np.testing.assert_allclose(undifference(difference(y, *case), start, *case), y, atol=1e-10)


def test_too_short_a_series_is_refused():
    with pytest.raises(UserError, match="5 values are too few for differences that use up 5"):
        difference(np.zeros(5), 1, 1, 4)
