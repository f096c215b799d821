"""Human date formats in five languages and in digits only."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass


class Calendar:
    """The names of months, long and short, and of weekdays from Monday in one language."""

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

# Years that can be written with two digits; POSIX reads two digits as 1969 to 2068.
TWO_DIGIT_YEARS = range(1969, 2069)


@dataclass(frozen=True)
class DateFormat:
    """A date format.

    Attributes
    ----------
    template : str
        A format string with the fields ``day``, ``number`` (month number), ``year``, ``yy`` (last
        two digits of the year), ``month`` and ``short`` (month names), ``roman`` (Roman month
        number), ``weekday``, ``short_weekday``, ``nth`` (25th, 1er) and ``word`` (twenty-fifth).
    language : str
    beyond_12 : bool
        Use the format only for days after the 12th. Then the number above 12 must be the day, so
        the order of day and month is not ambiguous.
    case : callable
        The conversion of letter case: ``str`` (none), ``str.lower`` or ``str.upper``.
    """

    template: str
    language: str = "en"
    beyond_12: bool = False
    case: Callable[[str], str] = str

    @property
    def two_digit_year(self) -> bool:
        """Whether years have two digits; only for years in TWO_DIGIT_YEARS."""
        return "{yy" in self.template

    def write(self, date: datetime.date) -> str:
        """Format a date."""
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
        return self.case(text)


def _nth(day: int, language: str) -> str:
    """Format the day as an ordinal if the language uses one in dates, else as a number."""
    if language == "en":
        suffix = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return f"{day}{suffix}"
    firsts = {"fr": "1er", "it": "1º"}
    return firsts[language] if day == 1 and language in firsts else str(day)


# With dots, the day or a four-digit year comes first. With slashes and hyphens, the order of day
# and month varies, so these formats are used only for days above 12.
DATE_FORMATS = (
    DateFormat("{month} {day}, {year}"),
    DateFormat("{month} {day} {year}"),
    DateFormat("{short} {day}, {year}"),
    DateFormat("{short} {day} {year}"),
    DateFormat("{short}. {day}, {year}"),
    DateFormat("{month} {nth}, {year}"),
    DateFormat("{month} {nth} {year}"),
    DateFormat("{month} the {nth}, {year}"),
    DateFormat("{month} {day} {year}", case=str.lower),
    DateFormat("{short} {day} {year}", case=str.lower),
    DateFormat("{month} {day}, {year}", case=str.upper),
    DateFormat("{day} {month} {year}"),
    DateFormat("{day} {short} {year}"),
    DateFormat("{day} {month} {year}", case=str.lower),
    DateFormat("{day} {month} {year}", case=str.upper),
    DateFormat("{nth} {month} {year}"),
    DateFormat("{nth} of {month} {year}"),
    DateFormat("the {nth} of {month} {year}"),
    DateFormat("the {nth} of {month}, {year}"),
    DateFormat("{weekday}, {month} {day}, {year}"),
    DateFormat("{weekday} {month} {day} {year}", case=str.lower),
    DateFormat("{weekday}, {month} {day}, {year}", case=str.upper),
    DateFormat("{weekday}, {day} {month} {year}"),
    DateFormat("{weekday} {nth} {month} {year}"),
    DateFormat("{weekday} the {nth} of {month} {year}"),
    DateFormat("{short_weekday}, {day:02} {short} {year}"),
    DateFormat("{short_weekday} {short} {day:02} {year}"),
    DateFormat("{short_weekday}, {short} {nth}, '{yy:02}"),
    DateFormat("{short} {day}, '{yy:02}"),
    DateFormat("{month} {day}, '{yy:02}"),
    DateFormat("{day} {short} '{yy:02}"),
    DateFormat("{day:02}-{short}-{year}"),
    DateFormat("{day:02}-{short}-{yy:02}", case=str.upper),
    DateFormat("{year} {month} {day}"),
    DateFormat("{year}-{short}-{day:02}"),
    DateFormat("the {word} of {month} {year}"),
    DateFormat("{month} {word}, {year}"),
    DateFormat("{weekday}, {month} {word}, {year}"),
    DateFormat("{number}/{day}/{year}", beyond_12=True),
    DateFormat("{number:02}/{day:02}/{year}", beyond_12=True),
    DateFormat("{number}/{day}/'{yy:02}", beyond_12=True),
    DateFormat("{day}/{number}/{year}", beyond_12=True),
    DateFormat("{day:02}/{number:02}/{year}", beyond_12=True),
    DateFormat("{day:02}-{number:02}-{year}", beyond_12=True),
    DateFormat("{day}.{number}.{year}"),
    DateFormat("{day:02}.{number:02}.{year}"),
    DateFormat("{day:02}.{number:02}.{yy:02}"),
    DateFormat("{day}.{roman}.{year}"),
    DateFormat("{day}. {roman}. {year}"),
    DateFormat("{year}/{number:02}/{day:02}"),
    DateFormat("{year}.{number:02}.{day:02}"),
    DateFormat("{year}{number:02}{day:02}"),
    DateFormat("{year}年{number}月{day}日"),
    DateFormat("{day}. {month} {year}", "de"),
    DateFormat("{day}. {month} {year}", "de", case=str.lower),
    DateFormat("{day}. {short} {year}", "de"),
    DateFormat("{day}. {month} '{yy:02}", "de"),
    DateFormat("der {day}. {month} {year}", "de"),
    DateFormat("am {day}. {month} {year}", "de"),
    DateFormat("{weekday}, {day}. {month} {year}", "de"),
    DateFormat("{weekday}, der {day}. {month} {year}", "de"),
    DateFormat("{nth} {month} {year}", "fr"),
    DateFormat("{nth} {short} {year}", "fr"),
    DateFormat("le {nth} {month} {year}", "fr"),
    DateFormat("{weekday} {nth} {month} {year}", "fr"),
    DateFormat("le {weekday} {nth} {month} {year}", "fr"),
    DateFormat("{day} de {month} de {year}", "es"),
    DateFormat("{day} {short} {year}", "es"),
    DateFormat("el {day} de {month} de {year}", "es"),
    DateFormat("{weekday}, {day} de {month} de {year}", "es"),
    DateFormat("{nth} {month} {year}", "it"),
    DateFormat("{nth} {short} {year}", "it"),
    DateFormat("{weekday} {nth} {month} {year}", "it"),
)


def alphabet() -> set[str]:
    """Return all characters that occur in formatted dates."""
    days = [datetime.date(2023, 1, 1) + datetime.timedelta(n) for n in range(365)]
    texts = [each.write(day) for each in DATE_FORMATS for day in days]
    return {*"".join(texts), *"0123456789"}
