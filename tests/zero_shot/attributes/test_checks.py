"""Bad input is refused in one line."""

import numpy as np
import pytest

from scratchgpt.zero_shot import ESZSL, binary_attributes

X, Y, S = np.eye(4, 3), np.array([0, 1, 0, 1]), np.eye(2)
NAN = np.array([[1.0, 2.0], [np.nan, 0.0]])


@pytest.mark.parametrize(
    ("x", "y", "s", "message"),
    [
        (np.where(X == 1, np.inf, X), Y, S, "X contains inf in row 0, column 0; remove or replace"),
        (X, Y, NAN, "S contains nan in row 1, column 0"),
        (X[0], Y, S, r"X is float64 \(3,\), but must be numbers \(n, m\): one row per example"),
        ([[1.0], [1.0, 2.0]], Y, S, "X is not an array of numbers"),
        ([["a"]], Y, S, "X is <U1"),
        (X, Y, S[:, :0], r"S is float64 \(2, 0\)"),
        (X, Y[:3], S, r"y is int64 \(3,\), but must be integers \(4,\)"),
        (X, Y + 0.5, S, "y is float64"),
        (X, Y + 1, S, "y contains 2, but S has 2 rows; use numbers from 0 to 1"),
        (X, Y - 1, S, "y contains -1"),
        (X, Y, np.eye(3), "class 2 of S has no example in y"),
        (X, 0 * Y, S[:1], "S has only one class"),
    ],
)
def test_bad_input_is_refused(x, y, s, message):
    with pytest.raises(ValueError, match=message) as caught:
        ESZSL(gamma=1.0, lam=1.0).fit(x, y, s)
    assert "\n" not in str(caught.value)


def test_the_threshold_is_the_mean_of_all_values():
    assert binary_attributes([[0, 10], [6, 9]]).tolist() == [[0, 1], [0, 1]]


def test_integers_and_booleans_are_numbers():
    model = ESZSL(gamma=1.0, lam=1.0)
    expected = model.fit(X, Y, S).v
    assert (model.fit(X.astype(int), Y.astype(np.uint8), S == 1).v == expected).all()
