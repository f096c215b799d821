"""The pandas index of a series, kept for results and extended for forecasts."""

import sys
from typing import Any

from scratchgpt.arguments import whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.pandas_labels import PandasLabels


class TimeIndex(PandasLabels):
    """The labels of the positions of a series: a pandas index, or no labels.

    The arguments and errors are those of the base class.
    """

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
        number = whole_number(label)
        if number is not None:
            return self._position_of_number(number)
        if self.is_dated:
            return self._position_of_date(label, side)
        labels = [] if self.index is None else list(self.index)
        if labels.count(label) == 1:
            return labels.index(label)
        fault = f"{labels.count(label)} times" if label in labels else "not"
        raise UserError(
            f"{label!r} is {fault} in the index of endog; give a position, starting at 0"
        )

    def _position_of_number(self, number: int) -> int:
        rule = self.integer_rule() or (0, 1)
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
        try:
            first, target = self._bounds(label)
            known = self._up_to(target)
            bound = label if isinstance(label, str) else target
            found = int(known.get_slice_bound(bound, side)) - (side == "right")
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{label!r} does not fit the index of endog, the series: {error}"
            ) from None
        if first > known[-1]:
            raise UserError(
                f"{label!r} is after the last observation, {known[-1]}, and the dates of endog "
                "have no frequency that tells the dates after it; give a position"
            )
        if found < 0 or known[0] > target:
            raise UserError(f"{label!r} is before the first observation, {known[0]}")
        return found

    def _bounds(self, label: Any) -> list[Any]:
        """Return the first and the last moment of a date, as labels of the index."""
        pandas, index = sys.modules["pandas"], self.index
        if pandas.isna(label):
            raise ValueError("it is missing")
        moments = [label, label]
        if isinstance(label, str):
            whole = pandas.Period(label)
            moments = [whole.start_time, whole.end_time]
        if type(index).__name__ == "PeriodIndex":
            return [pandas.Period(moment, freq=index.freq) for moment in moments]
        moments = [pandas.Timestamp(moment) for moment in moments]
        return [each if each.tzinfo else each.tz_localize(index.tz) for each in moments]

    def _up_to(self, target: Any) -> Any:
        """Return the index, extended to a date if its dates have a frequency."""
        known, reach = self.index, self.n + 1
        while known[-1] < target and self.following(1) is not None:
            known, reach = self.between(0, reach), 2 * reach
        return known

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
