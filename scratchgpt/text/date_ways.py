"""The ways in which people write a date, in five languages and in figures alone."""

import datetime
import re
from dataclasses import dataclass
from typing import Any


class Calendar:
    """What a language calls the months, long and short, and the days from Monday on."""

    def __init__(self, months: str, short_months: str, weekdays: str) -> None:
        self.months = months.split()
        self.short_months = short_months.split()
        self.weekdays = weekdays.split()


CALENDARS = {
    "en": Calendar(
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    ),
    "de": Calendar(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    ),
    "fr": Calendar(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
    ),
    "es": Calendar(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene. feb. mar. abr. mayo jun. jul. ago. sept. oct. nov. dic.",
        "lunes martes miércoles jueves viernes sábado domingo",
    ),
    "it": Calendar(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
        "dicembre",
        "gen. feb. mar. apr. mag. giu. lug. ago. set. ott. nov. dic.",
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    ),
}

ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]

_UNITS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
_TEENS = ["thir", "four", "fif", "six", "seven", "eigh", "nine"]
DAYS_IN_WORDS = [
    *_UNITS,
    "tenth",
    "eleventh",
    "twelfth",
    *(f"{stem}teenth" for stem in _TEENS),
    "twentieth",
    *(f"twenty-{unit}" for unit in _UNITS),
    "thirtieth",
    "thirty-first",
]

# Two figures are the years 1969 to 2068, as POSIX reads them.
TWO_FIGURES = range(1969, 2069)


@dataclass(frozen=True)
class Way:
    """One way to write a date.

    Attributes
    ----------
    template : str
        Of ``day``, ``number`` (of the month), ``year``, ``yy`` (its last two figures), ``month``
        and ``short`` (names; ``MONTH``, ``SHORT`` and ``lower_month`` in other letters),
        ``weekday`` and ``short_weekday``, ``nth`` (25th, 1er), ``word`` (twenty-fifth) and
        ``roman`` (the month).
    language : str
    beyond_12 : bool
        Only for days after the twelfth: of two figures the one that is no month is the day, and
        so either order can be read.
    """

    template: str
    language: str = "en"
    beyond_12: bool = False

    @property
    def two_figures(self) -> bool:
        """Whether it writes years in two figures; only for those of TWO_FIGURES."""
        return "{yy" in self.template

    def write(self, date: datetime.date) -> str:
        """The date in this way."""
        return self.template.format_map(_parts(date, self.language))


def _parts(date: datetime.date, language: str) -> dict[str, Any]:
    calendar = CALENDARS[language]
    month, short = calendar.months[date.month - 1], calendar.short_months[date.month - 1]
    return {
        "day": date.day,
        "number": date.month,
        "year": date.year,
        "yy": date.year % 100,
        "month": month,
        "short": short,
        "MONTH": month.upper(),
        "SHORT": short.upper(),
        "lower_month": month.lower(),
        "weekday": calendar.weekdays[date.weekday()],
        "short_weekday": calendar.weekdays[date.weekday()][:3],
        "nth": _nth(date.day, language),
        "word": DAYS_IN_WORDS[date.day - 1],
        "roman": ROMAN[date.month - 1],
    }


def _nth(day: int, language: str) -> str:
    """The day as an ordinal, where the language says one."""
    if language == "en":
        ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return f"{day}{ending}"
    firsts = {"fr": "1er", "it": "1º"}
    return firsts[language] if day == 1 and language in firsts else str(day)


# Points are put between day, month and year, in this order, and nowhere in another; slashes and
# hyphens in either, so that with them the day must be one that is no month.
WAYS = (
    Way("{month} {day}, {year}"),
    Way("{month} {day} {year}"),
    Way("{short} {day}, {year}"),
    Way("{short} {day} {year}"),
    Way("{short}. {day}, {year}"),
    Way("{month} {nth}, {year}"),
    Way("{month} {nth} {year}"),
    Way("{month} the {nth}, {year}"),
    Way("{lower_month} {day} {year}"),
    Way("{MONTH} {day}, {year}"),
    Way("{day} {month} {year}"),
    Way("{day} {short} {year}"),
    Way("{day} {MONTH} {year}"),
    Way("{nth} {month} {year}"),
    Way("{nth} of {month} {year}"),
    Way("the {nth} of {month} {year}"),
    Way("the {nth} of {month}, {year}"),
    Way("{weekday}, {month} {day}, {year}"),
    Way("{weekday}, {day} {month} {year}"),
    Way("{weekday} {nth} {month} {year}"),
    Way("{weekday} the {nth} of {month} {year}"),
    Way("{short_weekday}, {day:02} {short} {year}"),
    Way("{short_weekday} {short} {day:02} {year}"),
    Way("{short_weekday}, {short} {nth}, '{yy:02}"),
    Way("{short} {day}, '{yy:02}"),
    Way("{month} {day}, '{yy:02}"),
    Way("{day} {short} '{yy:02}"),
    Way("{day:02}-{short}-{year}"),
    Way("{day:02}-{SHORT}-{yy:02}"),
    Way("{year} {month} {day}"),
    Way("{year}-{short}-{day:02}"),
    Way("the {word} of {month} {year}"),
    Way("{month} {word}, {year}"),
    Way("{weekday}, {month} {word}, {year}"),
    Way("{number}/{day}/{year}", beyond_12=True),
    Way("{number:02}/{day:02}/{year}", beyond_12=True),
    Way("{number}/{day}/'{yy:02}", beyond_12=True),
    Way("{day}/{number}/{year}", beyond_12=True),
    Way("{day:02}/{number:02}/{year}", beyond_12=True),
    Way("{day:02}-{number:02}-{year}", beyond_12=True),
    Way("{day}.{number}.{year}"),
    Way("{day:02}.{number:02}.{year}"),
    Way("{day:02}.{number:02}.{yy:02}"),
    Way("{day}.{roman}.{year}"),
    Way("{day}. {roman}. {year}"),
    Way("{year}/{number:02}/{day:02}"),
    Way("{year}.{number:02}.{day:02}"),
    Way("{year}{number:02}{day:02}"),
    Way("{year}年{number}月{day}日"),
    Way("{day}. {month} {year}", "de"),
    Way("{day}. {short} {year}", "de"),
    Way("{day}. {month} '{yy:02}", "de"),
    Way("der {day}. {month} {year}", "de"),
    Way("am {day}. {month} {year}", "de"),
    Way("{weekday}, {day}. {month} {year}", "de"),
    Way("{weekday}, der {day}. {month} {year}", "de"),
    Way("{nth} {month} {year}", "fr"),
    Way("{nth} {short} {year}", "fr"),
    Way("le {nth} {month} {year}", "fr"),
    Way("{weekday} {nth} {month} {year}", "fr"),
    Way("le {weekday} {nth} {month} {year}", "fr"),
    Way("{day} de {month} de {year}", "es"),
    Way("{day} {short} {year}", "es"),
    Way("el {day} de {month} de {year}", "es"),
    Way("{weekday}, {day} de {month} de {year}", "es"),
    Way("{nth} {month} {year}", "it"),
    Way("{nth} {short} {year}", "it"),
    Way("{weekday} {nth} {month} {year}", "it"),
)


def letters() -> set[str]:
    """All characters that dates are written in."""
    names = [
        name
        for calendar in CALENDARS.values()
        for name in (*calendar.months, *calendar.short_months, *calendar.weekdays)
    ]
    english = [name.upper() for name in CALENDARS["en"].months]
    between = [re.sub("{.*?}", "", way.template) for way in WAYS]
    ordinals = "".join(_nth(day, language) for day in range(1, 32) for language in CALENDARS)
    return set("".join([*names, *english, *between, *DAYS_IN_WORDS, *ROMAN, ordinals, "-"]))
