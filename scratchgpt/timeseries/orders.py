"""The orders of an ARIMA model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.errors import UserError


class Orders(NamedTuple):
    """How many coefficients and differences a model has, plain and at the distance of a season.

    p, P : coefficients of autoregression
    d, D : differences
    q, Q : coefficients of moving average
    s : period of the season; 0 where there is none
    """

    p: int
    d: int
    q: int
    P: int = 0
    D: int = 0
    Q: int = 0
    s: int = 0

    @classmethod
    def of(cls, order: Sequence[int], seasonal_order: Sequence[int] = (0, 0, 0, 0)) -> "Orders":
        """From (p, d, q) and (P, D, Q, s).

        Raises
        ------
        UserError
            If these are not as many whole numbers from 0 on, or the period is not one of a season
            although there is a seasonal part.
        """
        p, d, q = _whole_numbers("order", order, "(p, d, q)", 3)
        P, D, Q, s = _whole_numbers("seasonal_order", seasonal_order, "(P, D, Q, s)", 4)
        is_seasonal = P + D + Q > 0
        if is_seasonal and s < 2:
            raise UserError(
                f"seasonal_order={tuple(seasonal_order)}: the period s={s} must be 2 or more, "
                "for example 12 for months or 4 for quarters"
            )
        return cls(p, d, q, P, D, Q, s if is_seasonal else 0)

    @property
    def n_ar(self) -> int:
        """Lags of the whole autoregression."""
        return self.p + self.s * self.P

    @property
    def n_ma(self) -> int:
        """Lags of the whole moving average."""
        return self.q + self.s * self.Q

    @property
    def n_diffuse(self) -> int:
        """Observations that the differences use up."""
        return self.d + self.s * self.D

    @property
    def n_coefficients(self) -> tuple[int, int, int, int]:
        """Numbers of ar, ma, seasonal ar and seasonal ma, in the order of the parameters."""
        return self.p, self.q, self.P, self.Q

    def __str__(self) -> str:
        """As R writes it."""
        plain = f"ARIMA({self.p},{self.d},{self.q})"
        return plain + (f"({self.P},{self.D},{self.Q})[{self.s}]" if self.s else "")


def _whole_numbers(name: str, values: Any, form: str, count: int) -> list[int]:
    try:
        given = list(values)
    except TypeError:
        given = []
    if len(given) != count:
        raise UserError(f"{name}={values!r} must be {form}")
    for value in given:
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
            raise UserError(f"{name}={tuple(given)} must be whole numbers from 0 on, {form}")
    return [int(value) for value in given]
