import datetime
import re
from collections import Counter

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import DatesTask, PairBatches, encode_pairs, load_tokenizer
from scratchgpt.text.pairs.date_formats import DATE_FORMATS

TASK = DatesTask()

# An independent parser for dates, which does not use the templates.
MONTHS = """january januar janvier enero gennaio jan janv ene gen
february februar février febrero febbraio feb févr
march märz mars marzo mar
april avril abril aprile apr avr abr
may mai mayo maggio mag
june juni juin junio giugno jun giu
july juli juillet julio luglio jul juil lug
august août agosto aug ago
september septembre septiembre settembre sep sept set
october oktober octobre octubre ottobre oct okt ott
november novembre noviembre nov
december dezember décembre diciembre dicembre dec dez déc dic""".splitlines()
MONTH_OF = {name: number for number, names in enumerate(MONTHS, 1) for name in names.split()}
ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}
ROMAN |= {"vii": 7, "viii": 8, "ix": 9, "x": 10, "xi": 11, "xii": 12}
WORDS = """first second third fourth fifth sixth seventh eighth ninth tenth
eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth
twentieth twenty-first twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth
twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"""
DAY_OF = {word: number for number, word in enumerate(WORDS.split(), 1)}


def readings(text):
    """Return every date between 1900 and 2099 that a text can mean."""
    text = text.lower()
    for word in sorted(DAY_OF, key=len, reverse=True):
        text = text.replace(word, str(DAY_OF[word]))
    names = [word for word in re.findall(r"[^\W\d_]+", text) if word in MONTH_OF | ROMAN]
    figures = re.findall(r"'?\d+", text)
    if len(figures) == 1 and len(figures[0]) == 8:
        figures = [figures[0][:4], figures[0][4:6], figures[0][6:]]
    if names:
        (name,) = names
        orders = [[(MONTH_OF | ROMAN)[name], *each] for each in day_and_year(*figures)]
    elif len(figures[0]) == 4:
        orders = [[int(figures[1]), int(figures[2]), int(figures[0])]]
    else:
        year = full_year(figures[2])
        orders = [[int(figures[1]), int(figures[0]), year]]
        if "." not in text:
            orders.append([int(figures[0]), int(figures[1]), year])
    return {
        datetime.date(year, month, day)
        for month, day, year in orders
        if 1 <= month <= 12 and 1 <= day <= 31 and 1900 <= year <= 2099
    }


def day_and_year(first, second):
    """Find day and year: a year has four digits or an apostrophe, or comes last."""
    if len(first) == 4:
        return [(int(second), int(first))]
    return [(int(first), full_year(second))]


def full_year(figures):
    year = int(figures.strip("'"))
    return year if year > 99 else year + (1900 if year >= 69 else 2000)


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_text_has_exactly_one_meaning_and_it_is_the_answer(split):
    pairs = TASK.pairs(split)
    for source, target in list(zip(pairs.source, pairs.target, strict=True))[:20_000]:
        assert readings(source) == {datetime.date.fromisoformat(target)}, source


@pytest.mark.parametrize("form", DATE_FORMATS, ids=lambda form: f"{form.language} {form.template}")
def test_a_format_writes_every_day_of_a_year_unambiguously(form):
    for year in (1969, 1972, 2026, 2068):
        for day in range(365):
            date = datetime.date(year, 1, 1) + datetime.timedelta(day)
            if date.day > 12 or not form.beyond_12:
                assert readings(form.write(date)) == {date}


def test_formats_for_days_above_12_are_ambiguous_for_other_days():
    for form in DATE_FORMATS:
        if form.beyond_12:
            assert len(readings(form.write(datetime.date(2026, 3, 4)))) == 2


def test_different_dates_have_different_texts():
    owners = {}
    for day in range(0, 73_000, 97):
        date = datetime.date(1900, 1, 1) + datetime.timedelta(day)
        for form in DATE_FORMATS:
            if (date.day > 12 or not form.beyond_12) and (
                not form.two_digit_year or 1969 <= date.year <= 2068
            ):
                assert owners.setdefault(form.write(date), date) == date


def test_there_are_many_formats_and_all_of_them_occur():
    distinct = {(form.template, form.language, form.case) for form in DATE_FORMATS}
    assert len(distinct) == len(DATE_FORMATS) >= 60
    shapes = Counter(re.sub(r"\d+", "0", source) for source in TASK.pairs("train").source)
    for shape in (
        "November 0, 0", "nov 0 0", "NOVEMBER 0, 0", "Nov 0, '0", "0.0.0", "0/0/0", "0-0-0",
        "0-NOV-0", "the 0th of November 0", "0.XI.0", "0年0月0日", "0. November 0",
        "le 0 novembre 0", "0 de noviembre de 0", "0", "November twenty-fifth, 0",
    ):  # fmt: skip
        assert shapes[shape] > 0, shape
    for language in ("Mittwoch", "mercredi", "miércoles", "mercoledì", "Wednesday", "Wed"):
        assert sum(language in source for source in TASK.pairs("train").source) > 100


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Nov 25, '26", "2026-11-25"),
        ("25.11.2026", "2026-11-25"),
        ("25/11/2026", "2026-11-25"),
        ("11/25/2026", "2026-11-25"),
        ("Mittwoch, der 25. November 2026", "2026-11-25"),
        ("1er janvier 1969", "1969-01-01"),
        ("1º gennaio 1969", "1969-01-01"),
        ("01-JAN-69", "1969-01-01"),
        ("the thirty-first of December 2068", "2068-12-31"),
        ("am 1. März 1900", "1900-03-01"),
        ("may 5 1999", "1999-05-05"),
        ("22nd of March 2024", "2024-03-22"),
        ("Sat, Mar 23rd, '24", "2024-03-23"),
    ],
)
def test_examples_of_dates(text, answer):
    date = datetime.date.fromisoformat(answer)
    assert readings(text) == {date}
    assert text in {form.write(date) for form in DATE_FORMATS}


def test_no_date_is_in_two_splits():
    dates = {split: set(TASK.pairs(split).target) for split in ("train", "val", "test")}
    assert not dates["train"] & dates["val"]
    assert not dates["train"] & dates["test"]
    assert not dates["val"] & dates["test"]
    assert [len(dates[split]) for split in ("val", "test")] == [1000, 2000]
    # About nine in ten of 73,049 dates; 200,000 draws miss only few of them.
    assert 0.85 * 73_049 < len(dates["train"]) < 0.92 * 73_049


def test_the_splits_cover_all_years_and_are_deterministic():
    for split in ("train", "val", "test"):
        pairs = TASK.pairs(split)
        years = [int(target[:4]) for target in pairs.target]
        assert (min(years), max(years)) == (1900, 2099)
        assert abs(np.mean(years) - 1999.5) < 5 * 58 / len(years) ** 0.5
        assert DatesTask().pairs(split).fingerprint == pairs.fingerprint
        assert all(datetime.date.fromisoformat(target) for target in pairs.target)


def test_everything_fits_the_tokenizer_and_the_block(tmp_path):
    tokenizer = TASK.tokenizer
    assert None not in (tokenizer.end_of_text, tokenizer.padding)
    for split in ("train", "val", "test"):
        pairs = encode_pairs(TASK.pairs(split), tokenizer)
        assert len(pairs.within(TASK.block_size)) == len(pairs)
    longest = max(
        len(form.write(datetime.date(1999, 1, 1) + datetime.timedelta(day)))
        for form in DATE_FORMATS
        for day in range(7 * 365)
    )
    assert longest + 1 <= TASK.block_size
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = load_tokenizer(tmp_path)
    assert loaded.fingerprint == DatesTask().tokenizer.fingerprint
    assert loaded.padding == tokenizer.padding


def test_dates_can_be_batched_like_other_pairs():
    tokenizer = TASK.tokenizer
    train, val = (encode_pairs(TASK.pairs(split), tokenizer) for split in ("train", "val"))
    batches = PairBatches(
        train,
        val,
        tokens_per_batch=2048,
        seed=0,
        end_of_text=tokenizer.end_of_text,
        padding=tokenizer.padding,
    )
    _, target, targets = batches.train_batch(3)
    assert target.shape[1] == targets.shape[1] == len("2026-11-25") + 1
    date = tokenizer.decode(targets[0])[:10] if -100 not in targets else ""
    assert datetime.date.fromisoformat(date)


def test_an_unknown_split_is_refused():
    with pytest.raises(UserError, match="split='all' must be train, val or test"):
        TASK.pairs("all")
