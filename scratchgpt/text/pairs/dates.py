"""A translation task without data files: human-readable dates to ISO 8601."""

import datetime
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.text.pairs.date_formats import DATE_FORMATS, TWO_DIGIT_YEARS, alphabet
from scratchgpt.text.pairs.parallel_text import SPLITS, ParallelText, check_split
from scratchgpt.text.tasks.task import TEST_SHARE, held_out
from scratchgpt.text.tokenizers.characters import CharacterTokenizer

FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
# Number of pairs in each split.
N_PAIRS = {"train": 200_000, "val": 1_000, "test": 2_000}


@dataclass(frozen=True)
class DatesTask:
    """Translate dates from 1900 to 2099: ``Nov 25, '26`` or ``le 25 novembre 2026`` is 2026-11-25.

    The dates are written in DATE_FORMATS: in five languages and in digits only, with names and
    numbers of months, short or long, with weekdays, ordinals, words, and two-digit years. No date
    is ambiguous: ``25/11/2026`` and ``11/25/2026`` occur, ``03/04/2026`` does not. With dots, the
    day or the year comes first. Two-digit years are 1969 to 2068, as in POSIX.

    A hash of the date assigns it to training, validation or test, so a model is tested on dates
    that it has not seen in any format.

    Examples
    --------
    >>> pairs = DatesTask().pairs("test")
    >>> pairs.source[3], pairs.target[3]
    ('el 21 de octubre de 2023', '2023-10-21')
    """

    name: ClassVar[str] = "dates"

    @property
    def spec(self) -> str:
        """The specification of the task as a string."""
        return self.name

    @property
    def block_size(self) -> int:
        """The context length that a model needs: the longest source plus the end of text."""
        return 48

    @cached_property
    def tokenizer(self) -> CharacterTokenizer:
        """The tokenizer of both sides, with an end-of-text token and a padding token."""
        return CharacterTokenizer(alphabet(), end_of_text=True, padding=True)

    def pairs(self, split: str) -> ParallelText:
        """Generate the dates of one split, each in a random format; the result is deterministic.

        Parameters
        ----------
        split : {"train", "val", "test"}
            The splits have 200,000, 1,000 and 2,000 pairs. The last two have no repeated dates.
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
    """Assign dates, given as days since FIRST (N,), to splits: indices into SPLITS, (N,)."""
    tests = held_out(days, 2 * TEST_SHARE)
    return np.where(tests, SPLITS.index("test"), np.where(held_out(days), SPLITS.index("val"), 0))


# The formats that suit a date, by whether its day is after the 12th and whether its year can be
# written with two digits.
_FITTING = {
    (beyond_12, two_digit_year): [
        each
        for each in DATE_FORMATS
        if (beyond_12 or not each.beyond_12) and (two_digit_year or not each.two_digit_year)
    ]
    for beyond_12 in (False, True)
    for two_digit_year in (False, True)
}


def _write(date: datetime.date, chance: float) -> str:
    """Write a date in one of the formats that suit it, chosen by ``chance`` from 0 to 1."""
    formats = _FITTING[date.day > 12, date.year in TWO_DIGIT_YEARS]
    return formats[int(chance * len(formats))].write(date)
