"""Values that no observation determines, such as those of a day of the week never observed."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.likelihood.diffuse import difference_coefficients, diffuse_steps
from scratchgpt.timeseries.orders import Orders


def settled_after(y: Array, orders: Orders, steps: int) -> Array:
    """Whether the observations determine each of the ``steps`` values after the series: (steps,).

    A value depends on starting values of the differences. If they are still unknown, for example
    because a day of the week was never observed, the value has an infinite variance.
    """
    observed = ~np.isnan(y)
    if observed.all():
        return np.ones(steps, np.bool_)
    delta = difference_coefficients(orders.d, orders.D, max(orders.s, 1))
    longer = np.append(observed, np.zeros(steps, np.bool_))
    return diffuse_steps(longer, delta).settled[len(y) :]


def unsettled_values(settled: Array) -> str:
    """Say how many of the values after a series are not determined; empty if all of them are."""
    count = int(np.count_nonzero(~settled))
    if not count:
        return ""
    return (
        f"{count} of the {len(settled)} values after the series cannot be predicted, and are NaN "
        "with an infinite variance: no observation determines their level, as for a day of the "
        "week that was never observed"
    )
