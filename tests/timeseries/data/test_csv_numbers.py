import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.timeseries import read_csv

NOTATIONS = [
    *((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'")),
    *((".", "\u202f"), (",", "\u00a0"), (".", "\u2019")),
]


def written(value, digits, decimal, thousands):
    return f"{value:,.{digits}f}".translate({ord(","): thousands, ord("."): decimal})


def file_of(folder, rows, delimiter):
    path = folder / "numbers.csv"
    lines = [delimiter.join(f'"{field}"' for field in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@given(
    st.sampled_from(NOTATIONS),
    st.sampled_from(",;\t"),
    st.integers(0, 4),
    st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=4),
    st.booleans(),
)
def test_numbers_are_read_as_they_are_meant_or_refused(
    tmp_path_factory, notation, delimiter, digits, values, has_second_column
):
    """Only a point with commas between the fields is a decimal mark without further evidence."""
    decimal, thousands = notation
    values = [round(value, digits) for value in values]
    rows = [(f"{2000 + i}", written(value, digits, *notation)) for i, value in enumerate(values)]
    names = ["year", "x"]
    if has_second_column:  # it shows the decimal mark
        rows = [(*row, written(2.5, 1, *notation)) for row in rows]
        names.append("z")
    path = file_of(tmp_path_factory.mktemp("numbers"), [names, *rows], delimiter)
    try:
        found = read_csv(path, "x").values
    except UserError:
        pass
    else:
        integers = thousands == "." and digits == 0
        if not (integers and delimiter in ",\t" and not has_second_column):
            np.testing.assert_array_equal(found, values)
    separator = {"\u202f": " ", "\u00a0": " ", "\u2019": "'"}.get(thousands, thousands)
    found = read_csv(path, "x", decimal=decimal, thousands=separator or None).values
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(
    ("delimiter", "fields", "expected"),
    [
        (";\t", ["1,003", "963"], None),
        (";\t,", ["1,003", "1,120"], None),
        (";\t", ["-1,003", "+2,000", "NA"], None),
        (";\t", ["1.003", "963"], None),
        (";", ["1.003", "1.120"], None),
        (",\t", ["1.003", "1.120"], [1.003, 1.12]),
        (",", ["1.003", "963"], [1.003, 963]),
        (";\t", ["0.963", "1.003"], [0.963, 1.003]),
        (";\t,", ["1,003", "1,5"], [1.003, 1.5]),
        (";\t,", ["1,003", "0,963"], [1.003, 0.963]),
        (";\t,", ["1,003", "1234,567"], [1.003, 1234.567]),
        (";\t,", ["1,003,000", "1,5.5"], ValueError),
        (";\t,", ["1,003,000", "1,003"], [1003000, 1003]),
        (";\t,", ["1,003.5", "1,003"], [1003.5, 1003]),
        (";\t,", ["1.003,5", "1.003"], [1003.5, 1003]),
        (";\t,", ["1,5", "2.5"], ValueError),
        (";\t,", ["1,5,003.5", "1"], ValueError),
        (";\t,", ["1,003.5,003", "1"], ValueError),
        (";\t,", ["1 003", "963"], ValueError),
        (";\t,", ["1'003", "963"], ValueError),
        (";\t,", ["1\u202f003", "963"], ValueError),
        (";\t,", ["$1,003", "963"], ValueError),
        (";\t,", ["12%", "13%"], ValueError),
        (";\t,", ["(1,003)", "963"], ValueError),
        (";\t,", ["1_003", "963"], ValueError),
    ],
)
def test_notations(tmp_path, delimiter, fields, expected):
    """None: refused, because there are two meanings. ValueError: not numbers."""
    for each in delimiter:
        rows = [["year", "x"], *([str(2000 + i), field] for i, field in enumerate(fields))]
        path = file_of(tmp_path, rows, each)
        if isinstance(expected, list):
            assert read_csv(path, "x").values.tolist() == expected
            continue
        message = "not a number" if expected else "x is unclear: '.*' can be .* or .*--thousands"
        with pytest.raises(UserError, match=message):
            read_csv(path, "x")


def test_another_column_shows_the_notation(tmp_path):
    for delimiter in ";\t":
        for fields, expected in ((["2,5", "1.003"], 1003), (["2.5", "1,003"], 1003)):
            rows = [["year", "z", "x"], ["2020", *fields], ["2021", *fields]]
            assert (
                read_csv(file_of(tmp_path, rows, delimiter), "x").values.tolist() == [expected] * 2
            )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": "x"}, "decimal='x' must be '.' or ','"),
        ({"thousands": ";"}, "thousands=';' must be"),
        ({"decimal": ",", "thousands": ","}, "both ','; they must differ"),
    ],
)
def test_other_marks_are_refused(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        read_csv(file_of(tmp_path, [["1"], ["2"]], ","), **options)
