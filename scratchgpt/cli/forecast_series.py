"""The input of ``scratchgpt forecast``: the series, its regressors and their future values."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries import TimeSeries, load_example, read_csv


class NamedColumns(np.ndarray):
    """An array (n, k) with named columns, as ARIMA accepts it."""

    columns: tuple[str, ...]


@dataclass
class SeriesToForecast:
    """A series as read from the input and as passed to the model."""

    read: TimeSeries
    source: str
    log: bool
    exog: NamedColumns | None  # (n, k)

    @property
    def name(self) -> str:
        return self.read.name

    @property
    def period(self) -> int:
        return self.read.period

    @property
    def endog(self) -> Array:
        """The values to model, after the logarithm if requested: (n,)."""
        return np.log(self.read.values) if self.log else self.read.values

    @property
    def has_gaps(self) -> bool:
        return bool(np.isnan(self.read.values).any())

    @property
    def exog_names(self) -> tuple[str, ...]:
        return () if self.exog is None else self.exog.columns

    @property
    def labels(self) -> list[str]:
        """The labels of the times; numbers starting from 1 if the input has no times."""
        n = len(self.read.values)
        return self.read.labels or [str(i) for i in range(1, n + 1)]

    def following(self, steps: int) -> list[str]:
        """Return the labels of the next times; numbers if the times have no frequency."""
        if self.read.frequency:
            return self.read.frequency.following(steps)
        n = len(self.read.values)
        return [str(i) for i in range(n + 1, n + steps + 1)]


def load_series(
    path: Path | None, example: str | None, column: str | None, exog: str | None, *, log: bool
) -> SeriesToForecast:
    """Read a series from a file or load an example.

    Raises
    ------
    UserError
        If not exactly one of ``path`` and ``example`` is given, a column does not exist or is not
        numeric, a regressor has a missing value, or a value has no logarithm.
    """
    if (path is None) == (example is None):
        raise UserError("give either a CSV file or --example NAME")
    if path is None:
        if column is not None or exog is not None:
            raise UserError("an example has a single column; leave out --column and --exog")
        series, source = load_example(example or ""), f"example {example}"
    else:
        names = [] if exog is None else exog.split(",")
        if names and column is None:
            raise UserError("--exog needs --column, the column of the series; add it")
        series, source = read_csv(path, column), str(path)
    columns = None
    if path is not None and exog is not None:
        columns = _regressors(path, exog.split(","))
    loaded = SeriesToForecast(series, source, log, columns)
    if log and (series.values <= 0).any():
        first = int(np.argmax(series.values <= 0))
        raise UserError(
            f"--log needs positive values, but {series.name} is {series.values[first]:g} at "
            f"{loaded.labels[first]}; leave out --log"
        )
    return loaded


def future_regressors(path: Path | None, names: tuple[str, ...], steps: int) -> Array | None:
    """Read the regressors for the forecast steps, (steps, k), from a file."""
    if path is None:
        return None
    columns = np.asarray(_regressors(path, list(names)))
    if len(columns) < steps:
        raise UserError(
            f"{path} has {len(columns)} rows, but {steps} steps need {steps}; add rows or lower "
            "--steps"
        )
    return columns[:steps]


@contextlib.contextmanager
def name_series(name: str) -> Iterator[None]:
    """Replace ``endog`` in error messages by the name of the series, which the user knows."""
    try:
        yield
    except UserError as error:
        raise UserError(str(error).replace("endog", name)) from None


def _regressors(path: Path, names: list[str]) -> NamedColumns:
    read = [read_csv(path, name.strip()) for name in names]
    for series in read:
        if np.isnan(series.values).any():
            row = int(np.argmax(np.isnan(series.values)))
            at = series.labels[row] if series.labels else f"row {row + 1}"
            raise UserError(
                f"{path}: {series.name} is missing at {at}; regressors need a value at every time"
            )
    columns = np.column_stack([series.values for series in read]).view(NamedColumns)
    columns.columns = tuple(series.name for series in read)
    return columns
