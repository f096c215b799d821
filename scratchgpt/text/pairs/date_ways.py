"""The ways in which people write a date, in five languages and in figures alone."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass


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
        and ``short`` (its names), ``roman`` (its number), ``weekday`` and ``short_weekday``,
        ``nth`` (25th, 1er) and ``word`` (twenty-fifth).
    language : str
    beyond_12 : bool
        Only for days after the twelfth: of two figures the one that is no month is the day, and
        so either order can be read.
    letters : callable
        What becomes of the letters: ``str`` leaves them, ``str.lower`` and ``str.upper`` do not.
    """

    template: str
    language: str = "en"
    beyond_12: bool = False
    letters: Callable[[str], str] = str

    @property
    def two_figures(self) -> bool:
        """Whether it writes years in two figures; only for those of TWO_FIGURES."""
        return "{yy" in self.template

    def write(self, date: datetime.date) -> str:
        """The date in this way."""
        calendar = CALENDARS[self.language]
        text = self.template.format(
            day=date.day,
            number=date.month,
            year=date.year,
            yy=date.year % 100,
            month=calendar.months[date.month - 1],
            short=calendar.short_months[date.month - 1],
            roman=ROMAN[date.month - 1],
            weekday=calendar.weekdays[date.weekday()],
            short_weekday=calendar.weekdays[date.weekday()][:3],
            nth=_nth(date.day, self.language),
            word=DAYS_IN_WORDS[date.day - 1],
        )
        return self.letters(text)


def _nth(day: int, language: str) -> str:
    """The day as an ordinal, where the language says one."""
    if language == "en":
        ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return f"{day}{ending}"
    firsts = {"fr": "1er", "it": "1º"}
    return firsts[language] if day == 1 and language in firsts else str(day)


# Between points the day comes first, or a year of four figures; with slashes and hyphens people
# put day and month in either order, so there the day must be a number that is no month.
WAYS = (
    Way("{month} {day}, {year}"),
    Way("{month} {day} {year}"),
    Way("{short} {day}, {year}"),
    Way("{short} {day} {year}"),
    Way("{short}. {day}, {year}"),
    Way("{month} {nth}, {year}"),
    Way("{month} {nth} {year}"),
    Way("{month} the {nth}, {year}"),
    Way("{month} {day} {year}", letters=str.lower),
    Way("{short} {day} {year}", letters=str.lower),
    Way("{month} {day}, {year}", letters=str.upper),
    Way("{day} {month} {year}"),
    Way("{day} {short} {year}"),
    Way("{day} {month} {year}", letters=str.lower),
    Way("{day} {month} {year}", letters=str.upper),
    Way("{nth} {month} {year}"),
    Way("{nth} of {month} {year}"),
    Way("the {nth} of {month} {year}"),
    Way("the {nth} of {month}, {year}"),
    Way("{weekday}, {month} {day}, {year}"),
    Way("{weekday} {month} {day} {year}", letters=str.lower),
    Way("{weekday}, {month} {day}, {year}", letters=str.upper),
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
    Way("{day:02}-{short}-{yy:02}", letters=str.upper),
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
    Way("{day}. {month} {year}", "de", letters=str.lower),
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


def alphabet() -> set[str]:
    """All characters that dates are written in."""
    days = [datetime.date(2023, 1, 1) + datetime.timedelta(n) for n in range(365)]
    return {letter for way in WAYS for day in days for letter in way.write(day)} | {*"0123456789"}
