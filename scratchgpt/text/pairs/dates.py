"""A translation task that needs no data: dates as people write them, into ISO 8601."""

import datetime
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.text.pairs.date_ways import TWO_FIGURES, WAYS, alphabet
from scratchgpt.text.pairs.parallel_text import SPLITS, ParallelText, check_split
from scratchgpt.text.tasks.task import TEST_SHARE, held_out
from scratchgpt.text.tokenizers.characters import CharacterTokenizer

FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
# How many pairs are drawn for each part.
N_PAIRS = {"train": 200_000, "val": 1_000, "test": 2_000}


@dataclass(frozen=True)
class DatesTask:
    """Dates of the years 1900 to 2099: ``Nov 25, '26`` or ``le 25 novembre 2026`` is 2026-11-25.

    They are written in the ways of WAYS: in five languages and in figures alone; with names and
    numbers of months, short or long; with weekdays, ordinals, words, two figures for a year. None
    leaves a doubt: ``25/11/2026`` and ``11/25/2026`` occur, ``03/04/2026`` does not; between
    points the day comes first, or the year; two figures are the years 1969 to 2068, as in POSIX.

    A hash of the date decides whether it is for training, validation or testing, so a model is
    tested on dates that it has seen in no way at all.

    Examples
    --------
    >>> pairs = DatesTask().pairs("test")
    >>> pairs.source[3], pairs.target[3]
    ('el 21 de octubre de 2023', '2023-10-21')
    """

    name: ClassVar[str] = "dates"

    @property
    def spec(self) -> str:
        """The task as a word."""
        return self.name

    @property
    def block_size(self) -> int:
        """The context that a model needs: the longest source, and the end of text."""
        return 48

    @cached_property
    def tokenizer(self) -> CharacterTokenizer:
        """Reads and writes both sides, with an end of text and padding."""
        return CharacterTokenizer(alphabet(), end_of_text=True, padding=True)

    def pairs(self, split: str) -> ParallelText:
        """Dates of one part, each in a way drawn at random; the same each time.

        Parameters
        ----------
        split : {"train", "val", "test"}
            200,000, 1,000 and 2,000 pairs. In the last two no date comes twice.
        """
        check_split(split)
        days = np.arange((LAST - FIRST).days + 1)
        days = days[_parts(days) == SPLITS.index(split)]
        n = N_PAIRS[split]
        rng = random_stream(0, "dates", split)
        drawn = rng.choice(days, n, replace=n > len(days)).tolist()
        dates = [FIRST + datetime.timedelta(days) for days in drawn]
        sources = [_write(*each) for each in zip(dates, rng.random(n).tolist(), strict=True)]
        targets = [date.isoformat() for date in dates]
        return ParallelText(
            sources, targets, self.name, self.name, range(1, n + 1), has_splits=True
        )


def _parts(days: Array) -> Array:
    """The part that each date is for, by its days since FIRST (N,): places in SPLITS, (N,)."""
    tests = held_out(days, 2 * TEST_SHARE)
    return np.where(tests, SPLITS.index("test"), np.where(held_out(days), SPLITS.index("val"), 0))


# The ways that suit a date, by whether its day is beyond the twelfth, and two figures tell its
# year.
_FITTING = {
    (beyond_12, two_figures): [
        way
        for way in WAYS
        if (beyond_12 or not way.beyond_12) and (two_figures or not way.two_figures)
    ]
    for beyond_12 in (False, True)
    for two_figures in (False, True)
}


def _write(date: datetime.date, chance: float) -> str:
    """A date in one of the ways that suit it; ``chance`` from 0 to 1 chooses."""
    ways = _FITTING[date.day > 12, date.year in TWO_FIGURES]
    return ways[int(chance * len(ways))].write(date)
