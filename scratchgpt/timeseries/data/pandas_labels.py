"""The labels of a pandas series: what they are, which ones follow, and where others match them.

This module never imports pandas. A caller who passes a pandas object has imported pandas already,
so it is in ``sys.modules``.
"""

import copy
import sys
import warnings
from typing import Any, Self

import numpy as np

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.matching import rows_at, shown


class PandasLabels:
    """The labels of the positions of a series: a pandas index, or no labels.

    Parameters
    ----------
    endog : anything
        The series as the caller passed it.
    n : int
        Its length.
    what : str
        The name of the series in error messages.

    Raises
    ------
    UserError
        If dates or periods are not in increasing order or are repeated.
    """

    def __init__(self, endog: Any, n: int, what: str = "endog") -> None:
        self.index = pandas_index(endog)
        self.n, self.what = n, what
        self.name = None
        if self.index is not None:
            columns = getattr(endog, "columns", [getattr(endog, "name", None)])
            self.name = columns[0] if len(columns) else None
        if self.is_dated and not (self.index.is_monotonic_increasing and self.index.is_unique):
            fault = "is not in increasing order" if self.index.is_unique else "has repeated dates"
            raise UserError(f"the index of {what} {fault}; sort it and keep one row per date")

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
        ahead = self.following(stop - self.n)
        if ahead is None and (start >= self.n or self.is_dated):
            # Dates without a frequency cannot be extended, so label all positions by number.
            return sys.modules["pandas"].RangeIndex(start, stop)
        if ahead is None:
            ahead = sys.modules["pandas"].RangeIndex(self.n, stop)
        return ahead[start - self.n :] if start >= self.n else self.index[start:].append(ahead)

    def following(self, steps: int) -> Any:
        """Return the index of the ``steps`` positions after the last, or None if no rule fits."""
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
        rule = self.integer_rule()
        if rule is not None:
            first, step = rule
            return pandas.RangeIndex(first + n * step, first + (n + steps) * step, step)
        return None

    def integer_rule(self) -> tuple[int, int] | None:
        """Return the first label and the step of an index of equally spaced integers, or None."""
        if self.index is None or getattr(self.index.dtype, "kind", "O") not in "iu":
            return None
        if self.n == 1:
            return int(self.index[0]), 1
        steps = np.diff(np.asarray(self.index))
        is_even = (steps == steps[0]).all() and steps[0] != 0
        return (int(self.index[0]), int(steps[0])) if is_even else None

    def refuse_other_index(self, other: Any, name: str) -> None:
        """Raise UserError if other is a pandas object and its index differs from that of endog."""
        index = pandas_index(other)
        if index is not None and self.index is not None and not index.equals(self.index):
            raise UserError(
                f"the index of {name} differs from that of endog"
                f"{_first_difference(index, self.index)}; align the two first"
            )

    def rows_of(self, data: Any, start: int, n: int, name: str) -> list[int] | None:
        """Find the rows of data for ``n`` positions from ``start`` by their labels.

        Parameters
        ----------
        data : anything
        start, n : int
        name : str
            The name of data in error messages.

        Returns
        -------
        rows : list of int (n,), or None
            None if the rows are known by their position only: data has no labels, or they are new
            labels after a series whose labels follow no rule.

        Raises
        ------
        UserError
            If data has labels and lacks one of those that are needed.
        """
        labels = self._labels_of(data, n)
        if labels is None:
            return None
        if start + n > self.n and self.following(1) is None:
            inside = max(self.n - start, 0)
            if difference := _first_difference(labels, self.index[start:]) * (inside > 0):
                raise UserError(f"{name} does not have the {self._kind} of {self.what}{difference}")
            self._refuse_known(labels[inside:], name)
            return None
        return rows_at(list(labels), list(self.between(start, start + n)), name)

    def followed_by(self, new_data: Any, n_new: int, name: str = "new_data") -> Self:
        """Return the index extended by that of new_data.

        Raises
        ------
        UserError
            If new_data has labels that do not follow directly after those of the series.
        """
        longer = copy.copy(self)
        longer.n = self.n + n_new
        if self.index is None:
            return longer
        labels, expected = self._labels_of(new_data, n_new), self.following(n_new)
        longer.index = self.between(0, longer.n)
        if labels is not None and expected is None:
            self._refuse_known(labels, name)
            longer.index = self.index.append(labels)
        elif labels is not None and not labels.equals(expected):
            raise UserError(
                f"{name} runs from {shown(labels[0])} to {shown(labels[-1])}, but the {self._kind} "
                f"after {self.what} run from {shown(expected[0])} to {shown(expected[-1])}"
                f"{_first_difference(labels, expected)}"
            )
        return longer

    @property
    def _kind(self) -> str:
        return "dates" if self.is_dated else "labels"

    def _labels_of(self, data: Any, n: int) -> Any:
        """Return the index of data, or None if it is the one that pandas gives to n new rows."""
        labels = pandas_index(data)
        if labels is None or self.index is None or len(labels) == 0:
            return None
        is_default = labels.equals(sys.modules["pandas"].RangeIndex(n))
        return None if is_default and type(labels).__name__ == "RangeIndex" else labels

    def _refuse_known(self, labels: Any, name: str) -> None:
        """Raise UserError if the labels cannot be new labels after the series.

        For labels that follow no rule, such as trading days, this is all that can be checked.
        """
        if labels.equals(self.between(self.n, self.n + len(labels))):
            return  # the positions, with which forecasts are labeled
        known = labels.isin(self.index)
        if self.is_dated and type(labels) is type(self.index) and labels.tz == self.index.tz:
            known = labels <= np.append(self.index[-1:], labels[:-1])
        elif self.is_dated:
            known[:] = True
        if known.any():
            raise UserError(
                f"{name} has a row for {shown(labels[int(np.argmax(known))])}, which is not after "
                f"the {self._kind} of {self.what}; they end at {shown(self.index[-1])}"
            )


def _first_difference(labels: Any, expected: Any) -> str:
    """Say which label is the first that differs; empty if only the lengths differ."""
    for row, (label, wanted) in enumerate(zip(labels, expected, strict=False)):
        if label != wanted:
            return f": in row {row} it is {shown(label)}, not {shown(wanted)}"
    return ""


def pandas_index(data: Any) -> Any:
    """Return the index of a pandas Series or DataFrame, or None for any other object."""
    index = getattr(data, "index", None)
    has_pandas = "pandas" in sys.modules and isinstance(index, sys.modules["pandas"].Index)
    return index if has_pandas else None
