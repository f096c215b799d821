"""The diffuse steps, compared with linear algebra on the observed rows."""

import numpy as np
import pytest

from scratchgpt.timeseries.likelihood.diffuse import (
    MISSING,
    ORDINARY,
    difference_coefficients,
    diffuse_steps,
)

N = 40
PATTERNS = {
    "complete": [],
    "the first missing": [0, 1, 2],
    "every other": range(1, N, 2),
    "all of a season": range(2, N, 4),
    "a long gap": range(2, 33),
    "nothing observed": range(N),
}


def rows_of_the_start(delta, n=N):
    """Row t maps the values before the first, latest first, to y_t without noise."""
    rows = list(np.eye(len(delta))[::-1])
    for _ in range(n):
        rows.append(delta @ np.array(rows[: -len(delta) - 1 : -1]))
    return np.array(rows)


@pytest.mark.parametrize("missing", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize(
    "differences", [(1, 0, 1), (2, 0, 1), (0, 1, 4), (1, 1, 4), (2, 1, 4)], ids=str
)
def test_an_observation_is_diffuse_if_linearly_independent_of_those_before(differences, missing):
    delta = difference_coefficients(*differences)
    observed = np.ones(N, bool)
    observed[list(missing)] = False
    steps = diffuse_steps(observed, delta)

    rows = rows_of_the_start(delta)
    size, used = len(delta), []
    for t in range(N):
        row = rows[size + t]
        basis = np.linalg.qr(np.array(used).reshape(-1, size).T)[0]
        new = row - basis @ (basis.T @ row)  # the part of the row that is not yet known
        unsettled = np.linalg.norm(new) > 1e-7 * np.linalg.norm(row)
        assert steps.settled[t] == (not unsettled), t
        if not observed[t]:
            assert steps.kinds[t] == MISSING
        elif not unsettled:
            assert steps.kinds[t] == ORDINARY
        else:
            assert steps.kinds[t] == len(used)
            latest = rows[t : t + size][::-1]
            np.testing.assert_allclose(
                steps.gains[len(used)], latest @ new / (new @ new), rtol=1e-7, atol=1e-9
            )
            used.append(row)
    assert len(steps.gains) == len(used)
    _, log_determinant = np.linalg.slogdet(np.array(used) @ np.array(used).T) if used else (1, 0.0)
    assert steps.log_variance == pytest.approx(log_determinant, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("differences", [(1, 0, 1), (2, 1, 12), (1, 1, 365)], ids=str)
def test_the_first_values_of_a_complete_series_are_diffuse_with_log_variance_0(differences):
    """So the likelihood of the series equals the likelihood of its differences."""
    delta = difference_coefficients(*differences)
    steps = diffuse_steps(np.ones(800, bool), delta)
    np.testing.assert_array_equal(steps.kinds[: len(delta)], np.arange(len(delta)))
    assert (steps.kinds[len(delta) :] == ORDINARY).all()
    assert steps.log_variance == pytest.approx(0, abs=1e-9)


def test_without_differences_there_are_no_diffuse_steps():
    steps = diffuse_steps(np.array([True, False, True]), difference_coefficients(0, 0, 1))
    np.testing.assert_array_equal(steps.kinds, [ORDINARY, MISSING, ORDINARY])
    assert steps.settled.all()
    assert steps.log_variance == 0


def test_the_coefficients_of_differencing():
    np.testing.assert_array_equal(difference_coefficients(2, 0, 1), [2, -1])
    np.testing.assert_array_equal(difference_coefficients(1, 1, 4), [1, 0, 0, 1, -1])
