import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scratchgpt.errors import UserError
from scratchgpt.evaluation import pearson, spearman
from scratchgpt.evaluation.similarity import average_ranks

LISTS = (
    st.integers(2, 20)
    .flatmap(lambda n: st.tuples(*[st.lists(st.integers(-3, 3), min_size=n, max_size=n)] * 2))
    .filter(lambda pair: all(len(set(values)) > 1 for values in pair))
)


@given(LISTS)
def test_the_correlations_are_those_of_scipy(lists):
    x, y = (np.array(values, float) for values in lists)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    np.testing.assert_array_equal(average_ranks(x), stats.rankdata(x))


def test_the_correlations_computed_by_hand():
    assert average_ranks([10, 30, 10, 20]).tolist() == [1.5, 4, 1.5, 3]
    assert pearson([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)
    # The ranks are 1.5, 1.5, 3 and 1, 2, 3.
    assert spearman([5, 5, 9], [0, 1, 2]) == pytest.approx(1.5 / math.sqrt(1.5 * 2))


@pytest.mark.parametrize("scale", [1e-300, 1, 1e300])
def test_scale_and_shift_make_no_difference(scale):
    x = np.array([0.1, 0.7, -0.3, 0.5])
    y = np.array([0.3, 0.6, -0.1, 0.9])
    assert pearson(scale * x, y) == pytest.approx(pearson(x, y))
    assert pearson(x, -3 * y + 2) == pytest.approx(-pearson(x, y))
    assert spearman(np.exp(x), y) == spearman(x, y)
    assert pearson(x, x) == pytest.approx(1)
    assert spearman(x, x) == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1], [1], "at least 2 values"),
        ([1, 2], [1, 2, 3], r"the shapes \(2,\) and \(3,\)"),
        ([[1, 2]], [[1, 2]], "give two lists"),
        ([1, 2], [1, np.nan], "the second list has a value that is NaN"),
        ([np.inf, 2], [1, 2], "the first list has a value that is NaN or infinite"),
        ([3, 3], [1, 2], "all values of the first list are 3, so"),
    ],
    ids=["one value", "lengths", "axes", "NaN", "infinite", "equal"],
)
@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_lists_without_a_correlation_are_refused(correlation, x, y, message):
    with pytest.raises(UserError, match=message):
        correlation(x, y)
