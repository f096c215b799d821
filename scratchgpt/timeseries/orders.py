"""The orders of an ARIMA model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from scratchgpt.arguments import whole_number
from scratchgpt.errors import UserError

MOST_LAGS = 1000  # of a short series


class Orders(NamedTuple):
    """The numbers of coefficients and differences of a model, non-seasonal and seasonal.

    p, P : number of autoregressive coefficients
    d, D : number of differences
    q, Q : number of moving average coefficients
    s : period of the season; 0 for a model without a seasonal part
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
        """Create the orders from (p, d, q) and (P, D, Q, s).

        Raises
        ------
        UserError
            If an argument has the wrong length or an element that is not a non-negative integer, or
            if the model has a seasonal part and the period is below 2.
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
        """Number of lags of the whole autoregression."""
        return self.p + self.s * self.P

    @property
    def n_ma(self) -> int:
        """Number of lags of the whole moving average."""
        return self.q + self.s * self.Q

    @property
    def n_diffuse(self) -> int:
        """Number of observations that the differences use up."""
        return self.d + self.s * self.D

    @property
    def n_coefficients(self) -> tuple[int, int, int, int]:
        """Numbers of ar, ma, seasonal ar and seasonal ma coefficients, in parameter order."""
        return self.p, self.q, self.P, self.Q

    def refuse_long(self, n: int) -> None:
        """Raise UserError if lags or differences reach back far beyond a series of n values."""
        reach = max(self.n_ar, self.n_ma, self.n_diffuse)
        if reach > max(n, MOST_LAGS):
            raise UserError(
                f"{self} reaches back {reach} observations, but there are {n}; choose lower orders "
                "or a shorter season"
            )

    def __str__(self) -> str:
        """Format the orders as R does, for example ``ARIMA(0,1,1)(0,1,1)[12]``."""
        plain = f"ARIMA({self.p},{self.d},{self.q})"
        return plain + (f"({self.P},{self.D},{self.Q})[{self.s}]" if self.s else "")


def _whole_numbers(name: str, values: Any, form: str, count: int) -> list[int]:
    try:
        given = list(values)
    except TypeError:
        given = []
    if len(given) != count:
        raise UserError(f"{name}={values!r} must be {form}")
    numbers = [number for number in map(whole_number, given) if number is not None and number >= 0]
    if len(numbers) != count:
        raise UserError(f"{name}={tuple(given)} must be {form}, all non-negative integers")
    return numbers
