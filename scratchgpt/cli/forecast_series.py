"""What ``scratchgpt forecast`` reads: the series, its regressors, and theirs ahead."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries import TimeSeries, load_example, read_csv


class NamedColumns(np.ndarray):
    """An array (n, k) whose columns have names, which ARIMA takes over."""

    columns: tuple[str, ...]


@dataclass
class SeriesToForecast:
    """A series as it was read, and as it is modelled."""

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
        """What the model sees: (n,)."""
        return np.log(self.read.values) if self.log else self.read.values

    @property
    def has_gaps(self) -> bool:
        return bool(np.isnan(self.read.values).any())

    @property
    def exog_names(self) -> tuple[str, ...]:
        return () if self.exog is None else self.exog.columns

    @property
    def labels(self) -> list[str]:
        """The times; numbers from 1 on where there are none."""
        n = len(self.read.values)
        return self.read.labels or [str(i) for i in range(1, n + 1)]

    def following(self, steps: int) -> list[str]:
        """The times that come next; numbers where they cannot be told."""
        if self.read.clock:
            return self.read.clock.following(steps)
        n = len(self.read.values)
        return [str(i) for i in range(n + 1, n + steps + 1)]


def load_series(
    path: Path | None, example: str | None, column: str | None, exog: str | None, *, log: bool
) -> SeriesToForecast:
    """Read a file or take an example.

    Raises
    ------
    UserError
        If it is not one of the two, a column is not there or not of numbers, a regressor is
        missing somewhere, or a value has no logarithm.
    """
    if (path is None) == (example is None):
        raise UserError("give a CSV file, or --example NAME")
    if path is None:
        if column is not None or exog is not None:
            raise UserError("an example has no columns to choose from; leave out --column, --exog")
        series, source = load_example(example or ""), f"example {example}"
    else:
        names = [] if exog is None else exog.split(",")
        if names and column is None:
            raise UserError("say by --column which is the series and not a regressor")
        series, source = read_csv(path, column), str(path)
    columns = None
    if path is not None and exog is not None:
        columns = _regressors(path, exog.split(","))
    loaded = SeriesToForecast(series, source, log, columns)
    if log and (series.values <= 0).any():
        first = int(np.argmax(series.values <= 0))
        raise UserError(
            f"--log needs values above 0, but {series.name} is {series.values[first]:g} at "
            f"{loaded.labels[first]}"
        )
    return loaded


def future_regressors(path: Path | None, names: tuple[str, ...], steps: int) -> Array | None:
    """The regressors of the times ahead, (steps, k), from a file with their columns."""
    if path is None:
        return None
    columns = np.asarray(_regressors(path, list(names)))
    if len(columns) < steps:
        raise UserError(f"{path} has {len(columns)} rows; {steps} steps need as many")
    return columns[:steps]


@contextlib.contextmanager
def said_of(name: str) -> Iterator[None]:
    """Errors about ``endog`` are about the series as the person at the keyboard knows it."""
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
                f"{path}: {series.name} is missing at {at}; regressors must be known at every time"
            )
    columns = np.column_stack([series.values for series in read]).view(NamedColumns)
    columns.columns = tuple(series.name for series in read)
    return columns
