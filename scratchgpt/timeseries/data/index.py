"""The pandas index of a series, kept for results and extended for forecasts.

This module never imports pandas. A caller who passes a pandas object has imported pandas already,
so it is in ``sys.modules``.
"""

import copy
import sys
import warnings
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError


class TimeIndex:
    """The labels of the positions of a series: a pandas index, or no labels.

    Parameters
    ----------
    endog : anything
        The series as the caller passed it.
    n : int
        Its length.

    Raises
    ------
    UserError
        If dates or periods are not in increasing order or are repeated.
    """

    def __init__(self, endog: Any, n: int) -> None:
        self.index = pandas_index(endog)
        self.n = n
        self.name = None
        if self.index is not None:
            self.name = endog.columns[0] if hasattr(endog, "columns") else endog.name
        if self.is_dated and not (self.index.is_monotonic_increasing and self.index.is_unique):
            what = "is not in increasing order" if self.index.is_unique else "has repeated dates"
            raise UserError(f"the index of endog {what}; sort it and keep one row per date")

    @property
    def is_dated(self) -> bool:
        """Whether the index holds dates or periods."""
        return type(self.index).__name__ in ("DatetimeIndex", "PeriodIndex")

    def between(self, start: int, stop: int) -> Any:
        """Return the pandas index of positions start to stop - 1, possibly beyond the series."""
        if self.index is None:
            return None
        if stop <= self.n:
            return self.index[start:stop]
        ahead = self._ahead(stop - self.n)
        if start >= self.n:
            return ahead[start - self.n :]
        if type(ahead) is not type(self.index) and self.is_dated:
            # Dates without a frequency cannot be extended, so label all positions by number.
            return sys.modules["pandas"].RangeIndex(start, stop)
        return self.index[start:].append(ahead)

    def _ahead(self, steps: int) -> Any:
        """Return the index of the ``steps`` positions after the last; positions if no rule fits."""
        pandas, index, n = sys.modules["pandas"], self.index, self.n
        kind = type(index).__name__
        if kind == "PeriodIndex":
            return pandas.period_range(index[-1] + 1, periods=steps, freq=index.freq)
        if kind == "DatetimeIndex":
            frequency = index.freq
            if frequency is None and n > 2:
                with warnings.catch_warnings():
                    # The return type depends on the version of pandas; date_range accepts both.
                    warnings.simplefilter("ignore")
                    frequency = pandas.infer_freq(index)
            if frequency is not None:
                return pandas.date_range(index[-1], periods=steps + 1, freq=frequency)[1:]
        rule = self._integer_rule()
        if rule is not None:
            first, step = rule
            return pandas.RangeIndex(first + n * step, first + (n + steps) * step, step)
        return pandas.RangeIndex(n, n + steps)

    def _integer_rule(self) -> tuple[int, int] | None:
        """Return the first label and the step of an index of equally spaced integers, or None."""
        if self.index is None or getattr(self.index.dtype, "kind", "O") not in "iu":
            return None
        if self.n == 1:
            return int(self.index[0]), 1
        steps = np.diff(np.asarray(self.index))
        is_even = (steps == steps[0]).all() and steps[0] != 0
        return (int(self.index[0]), int(steps[0])) if is_even else None

    def position(self, label: Any, side: str = "left") -> int:
        """Find the position of a number, a date or another label of the index.

        Parameters
        ----------
        label : int, or a label of a pandas index
            If the index holds equally spaced integers, such as years, a number is a label.
            Otherwise it is a position, counted from the end if negative. A date between two dates
            of the index means the later one for "left" and the earlier one for "right", as in
            pandas slices.
        side : {"left", "right"}

        Raises
        ------
        UserError
            If the label is not in the index.
        """
        if isinstance(label, int | np.integer):
            return self._position_of_number(int(label))
        if self.is_dated:
            return self._position_of_date(label, side)
        if self.index is not None and label in self.index:
            return int(self.index.get_loc(label))
        raise UserError(f"{label!r} is not in the index of endog; give a position, starting at 0")

    def _position_of_number(self, number: int) -> int:
        rule = self._integer_rule() or (0, 1)
        if rule == (0, 1):
            position = number + self.n if number < 0 else number
        else:
            first, step = rule
            position, remainder = divmod(number - first, step)
            if remainder:
                position = -1
        if position < 0:
            raise UserError(
                f"{number} is not a position or label of endog, which has {self.n} "
                "values" + (f" starting at {rule[0]}" if rule != (0, 1) else "")
            )
        return position

    def _position_of_date(self, label: Any, side: str) -> int:
        pandas, index = sys.modules["pandas"], self.index
        try:
            target = pandas.Period(label).end_time if isinstance(label, str) else label
            if type(index).__name__ == "PeriodIndex":
                target = pandas.Period(target, freq=index.freq)
            else:
                target = pandas.Timestamp(target)
                target = target if target.tzinfo else target.tz_localize(index.tz)
            reach = self.n + 1
            while (known := self.between(0, reach))[-1] < target:
                reach *= 2
            found = int(known.get_slice_bound(label, side)) - (side == "right")
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{label!r} does not fit the index of endog, the series: {error}"
            ) from None
        if found < 0 or known[0] > target:
            raise UserError(f"{label!r} is before the first observation, {known[0]}")
        return found

    def refuse_other_index(self, other: Any, name: str) -> None:
        """Raise UserError if other is a pandas object and its index differs from that of endog."""
        index = pandas_index(other)
        if index is not None and self.index is not None and not index.equals(self.index):
            raise UserError(f"the index of {name} differs from that of endog; align the two first")

    def refuse_other_dates(self, ahead: Any, steps: int) -> None:
        """Raise UserError if ahead has dates that are not the ``steps`` dates after the series."""
        other = pandas_index(ahead)
        if self.is_dated and type(other) is type(self.index) and len(other) == steps:
            expected = self.between(self.n, self.n + steps)
            if type(expected) is type(other) and not other.equals(expected):
                raise UserError(
                    f"exog runs from {other[0]} to {other[-1]}, but the dates after endog run from "
                    f"{expected[0]} to {expected[-1]}"
                )

    def followed_by(self, new_data: Any, n_new: int) -> "TimeIndex":
        """Return the index of endog extended by new_data.

        Raises
        ------
        UserError
            If new_data has dates that do not follow directly after those of endog.
        """
        longer = copy.copy(self)
        longer.n = self.n + n_new
        if self.index is None:
            return longer
        other = pandas_index(new_data)
        expected = self.between(self.n, longer.n)
        longer.index = self.between(0, longer.n)
        if self.is_dated and type(other) is type(self.index):
            has_rhythm = type(expected) is type(self.index)
            if not has_rhythm and other[0] > self.index[-1]:
                longer.index = self.index.append(other)
            elif not other.equals(expected):
                raise UserError(
                    f"new_data runs from {other[0]} to {other[-1]}, but the dates after endog run "
                    f"from {expected[0]} to {expected[-1]}"
                )
        return longer

    def series(self, values: Array, start: int, name: Any) -> Any:
        """Return values from position start as a pandas Series; without an index, unchanged."""
        if self.index is None:
            return values
        index = self.between(start, start + len(values))
        return sys.modules["pandas"].Series(values, index=index, name=name)

    def frame(self, values: Array, start: int, columns: list[str]) -> Any:
        """Return an array of columns as a pandas DataFrame; without an index, unchanged."""
        if self.index is None:
            return values
        index = self.between(start, start + len(values))
        return sys.modules["pandas"].DataFrame(values, index=index, columns=columns)

    def named(self, values: Array, names: tuple[str, ...], columns: Any = None) -> Any:
        """Return values as a Series or DataFrame indexed by names; without an index, unchanged."""
        if self.index is None:
            return values
        pandas = sys.modules["pandas"]
        if values.ndim == 1:
            return pandas.Series(values, index=list(names), name=columns)
        return pandas.DataFrame(values, index=list(names), columns=list(columns))


def pandas_index(data: Any) -> Any:
    """Return the index of a pandas Series or DataFrame, or None for any other object."""
    index = getattr(data, "index", None)
    has_pandas = "pandas" in sys.modules and isinstance(index, sys.modules["pandas"].Index)
    return index if has_pandas else None
