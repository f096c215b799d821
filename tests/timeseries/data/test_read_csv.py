import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.timeseries import read_csv

SALES = "month,sales,price\n2020-01,10,1.5\n2020-02,NA,1.25\n2020-03,30,-2e3\n"


@pytest.fixture
def write(tmp_path):
    """``write(content)`` writes text or bytes to a file and returns its path."""

    def write(content):
        path = tmp_path / "sales.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("column", ["sales", 2, "2"])
def test_a_column_by_its_name_or_number(write, column):
    series = read_csv(write(SALES), column)
    np.testing.assert_array_equal(series.values, [10, np.nan, 30])
    assert series.name == "sales"
    assert series.labels == ["2020-01", "2020-02", "2020-03"]
    assert series.period == 12


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", ";").replace(".", ","),
        lambda text: text.replace(",", '","').replace("\n", '"\n"').join('""')[:-2],
        lambda text: text.replace(",", " , "),
    ],
    ids=[
        *("plain", "no newline at the end", "empty lines at the end", "Windows newlines", "BOM"),
        *("semicolons", "tabs", "decimal commas", "quoted", "spaces"),
    ],
)
def test_common_csv_dialects_are_read(write, change):
    series = read_csv(write(change(SALES)), "price")
    assert series.values.tolist() == [1.5, 1.25, -2000]


@pytest.mark.parametrize("word", ["", "NA", "nan", "NULL", "None", " ", ".", "n/a"])
def test_words_for_missing_values(write, word):
    path = write(f"month,sales\n1,2\n2,{word}\n")
    np.testing.assert_array_equal(read_csv(path).values, [2, np.nan])


def test_the_only_column_beside_the_times_need_not_be_named(write):
    assert read_csv(write("year,flow\n1871,1120\n1872,1160\n")).name == "flow"
    alone = read_csv(write("flow\n1120\n1160\n"))
    assert (alone.name, alone.labels, alone.period) == ("flow", [], 1)


def test_columns_without_names_have_numbers(write):
    path = write("1871,1120,3\n1872,1160,4\n")
    series = read_csv(path, 3)
    assert (series.name, series.values.tolist()) == ("column 3", [3, 4])
    assert read_csv(path, 1).labels == []
    assert read_csv(write("5\n6\n")).values.tolist() == [5, 6]


def test_a_first_line_with_a_number_in_it_is_data(write):
    with pytest.warns(UserWarning, match="times such as 'x' are not understood; no season"):
        assert read_csv(write("x,3\ny,5\n")).values.tolist() == [3, 5]


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_written_values_are_read_back(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    lines = [f"{i},{'' if value is None else repr(value)}" for i, value in enumerate(values)]
    path.write_text("\n".join(["time,x", *lines]))
    expected = [np.nan if value is None else value for value in values]
    np.testing.assert_array_equal(read_csv(path).values, expected)


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        (SALES, "sale", r"no column 'sale'; did you mean 'sales'\?; its columns: month, sales"),
        (SALES, "x", "has no column 'x'; its columns: month, sales, price"),
        (SALES, 4, "has no column 4; its columns"),
        (SALES, 0, "has no column 0"),
        (SALES, None, "has 3 columns; set the column to one of: month, sales, price"),
        ("1,2,3\n", None, "has 3 columns; set the column to one of: 1 to 3, without names"),
        (SALES, "month", "line 2 of .*sales.csv: month is '2020-01', which is not a number"),
        (SALES + "2020-04,1 000,2\n", "sales", "line 5 of .*: sales is '1 000'"),
        (SALES + "2020-04,1_0,2\n", "sales", "line 5 of .*: sales is '1_0'"),
        (SALES + "2020-04,inf,2\n", "sales", "line 5 of .*: sales is infinite"),
        (SALES + "2020-04,7\n", "sales", "line 5 of .* has 2 columns, but line 1 has 3"),
        (SALES + "\n2020-04,7,1\n", "sales", "line 5 of .* is empty; write NA"),
        (SALES + "2020-05,7,1\n", "sales", "the times of .*: 2020-05 follows 2020-03"),
        (SALES + '2020-04,"7,1\n', "sales", "line 5 of .* is not CSV"),
        ("a;b\nx;1,2,3\n", "b", "line 2 of .*: b is '1,2,3'"),
        ("a,b,b\nx,1,2\n", "b", "has several columns named 'b'; give the number instead"),
        ("", None, "is empty"),
        ("\n \n", None, "is empty"),
        ("month,sales\n", None, "has a header line but no rows"),
        (b"a,b\nx,\xff\n", None, "is not UTF-8 in line 2"),
    ],
)
def test_an_error_is_one_line_and_names_the_line_of_the_file(write, content, column, message):
    with pytest.raises(UserError, match=message) as caught:
        read_csv(write(content), column)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*none.csv: No such file"):
        read_csv(tmp_path / "none.csv")


def test_line_numbers_count_newlines_in_quoted_fields(write):
    path = write('note,x\n"two\nlines",1\nend,oops\n')
    with pytest.raises(UserError, match="line 4 of"):
        read_csv(path, "x")


MONTHS = [f"{2018 + i // 12}-{i % 12 + 1:02d}" for i in range(30)]
ROWS = [f"{month},{100 + i}" for i, month in enumerate(MONTHS)]
TABLE = "\n".join(["month,y", *ROWS]) + "\n"
SHORT = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

NAMES = {f"{i:02d}": name for i, name in enumerate(SHORT, 1)}


def joined(*lines):
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("content", "column"),
    [
        (TABLE, None),
        (TABLE.replace("month,y", "# a comment\n# and another\nmonth,y"), None),
        (TABLE.replace("month,y\n", ""), None),
        (TABLE.replace("month,", ","), None),
        (TABLE.replace("\n", ",\n"), None),
        (TABLE.replace("\n", ",,\n").replace(",,", "", 1) + ",,\n,,\n", None),
        (TABLE.replace(",", "\t") + "\t\n", None),
        (TABLE.replace(",", ";").replace("y", "y in 1,000"), None),
        (TABLE.replace(",", ";").replace("\n", ",0\n").replace("y,0", "y"), None),
        (TABLE.encode("utf-16"), None),
        (TABLE.encode("utf-32"), None),
        (gzip.compress(TABLE.encode(), mtime=0), None),
        (joined("y,month", *(",".join(row.split(",")[::-1]) for row in ROWS)), None),
        (joined(",month,y", *(f"{i},{row}" for i, row in enumerate(ROWS))), None),
        (joined('"","month","y"', *(f'"{i}",{row}' for i, row in enumerate(ROWS, 1))), None),
        (joined("id,month,y", *(f"{1000 + i},{row}" for i, row in enumerate(ROWS))), "y"),
        (
            joined("t,period,y", *(f"{row[:7]},{i % 2},{row[8:]}" for i, row in enumerate(ROWS))),
            "y",
        ),
        (joined("month,2020", *ROWS), "2020"),
        (joined("month,2020,2021", *(f"{row},{i}" for i, row in enumerate(ROWS))), "2020"),
        (joined(",2020,2021", *(f"{row},{i}" for i, row in enumerate(ROWS))), "2020"),
        (joined("Land,2018-01", *(f"{row}" for row in ROWS)), "2018-01"),
        (joined("month,y,note", *(f"{row},fair" for row in ROWS)), None),
        (joined("year,month,y", *(f"{row[:4]},{int(row[5:7])},{row[8:]}" for row in ROWS)), None),
        (
            joined("year,month,y", *(f"{r[:4]},{SHORT[int(r[5:7]) - 1]},{r[8:]}" for r in ROWS)),
            None,
        ),
    ],
)
def test_tables_of_many_forms_are_read(write, content, column):
    series = read_csv(write(content), column)
    assert series.values.tolist() == [100 + i for i in range(30)]
    assert series.period == 12
    assert len(series.labels) == 30
    assert series.frequency.following(1)[0] in ("2020-07", "2020-Jul")


def test_years_above_the_columns_of_months_are_names(write):
    rows = [f"{name},{i},{20 + i}" for i, name in enumerate(SHORT)]
    for first in ("month", "Monat", ""):
        path = write(joined(f"{first},2020,2021", *rows))
        assert read_csv(path, "2021").values.tolist() == [20 + i for i in range(12)]
    path = write(joined("region,2019,2020,2021", "north,1,2,3", "south,4,5,6"))
    with pytest.warns(UserWarning, match="'north' are not understood"):
        assert read_csv(path, "2020").values.tolist() == [2, 5]


def test_a_first_row_with_a_missing_value_is_data(write):
    for word in ("", "NA"):
        values = read_csv(write(TABLE.replace("month,y\n", "").replace("100", word))).values
        np.testing.assert_array_equal(values, [np.nan, *range(101, 130)])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*ROWS, "Total,3"], "line 31 of .*: the time is 'Total', which is not written like"),
        ([*ROWS, "Source: the office,"], "line 31 of .*: the time is 'Source: the office'"),
        ([*ROWS, "Source: the office"], "line 31 .* has 1 columns, but line 1 has 2; .*notes"),
        ([*ROWS, "mean,3", "sum,4"], "line 31 of .*: the time is 'mean'"),
        ([*ROWS, ",5"], "line 31 of .*: the time is ''"),
        (["month,y", ",EUR", *ROWS], "line 2 of .*: y is 'EUR', which is not a number"),
        (["month,y", "(month),", *ROWS], "line 2 of .*: the time is '.month.'"),
        (["month,y", *ROWS, "month,y"], "line 32 of .*: y is 'y', which is not a number"),
        (["month,y", *ROWS, "# end,"], "line 32 of .*: the time is '# end'"),
        (["month,y", *(f"{name},1" for name in SHORT), "Total,12"], "line 14 of .*'Total'"),
        (["month,y", *(f"{i},1" for i in range(1, 9)), "Total,12"], "line 10 of .*'Total'"),
        (["month y", *(row.replace(",", " ") for row in ROWS)], "commas, semicolons or tabs must"),
        (["y,month", "1,2018-01", "2,2018-02", "3,total"], "line 4 of .*: the time is 'total'"),
    ],
)
def test_totals_notes_and_units_are_refused(write, lines, message):
    with pytest.raises(UserError, match=message):
        read_csv(write(joined(*lines)))


def test_several_series_in_a_file_are_refused_until_one_is_chosen(write):
    rows = [f"{name},{month},{10 * i}" for i, name in enumerate("ABC") for month in MONTHS]
    path = write(joined("unique_id,ds,y", *rows))
    message = "holds 3 series, one for each unique_id: A, B, C; choose one with --where unique_id=A"
    with pytest.raises(UserError, match=message):
        read_csv(path)
    series = read_csv(path, where={"unique_id": "C"})
    assert (series.period, series.labels, set(series.values)) == (12, MONTHS, {20.0})
    with pytest.raises(UserError, match="no row with unique_id = D; unique_id is A, B, C"):
        read_csv(path, where={"unique_id": "D"})
    pairs = [f"{a},{b},{m},1" for a in "NS" for b in "XY" for m in MONTHS]
    path = write(joined("region,shop,ds,y", *pairs))
    with pytest.raises(UserError, match=r"4 series, .* --where region=N --where shop=X, or"):
        read_csv(path)
    assert read_csv(path, where={"region": "N", "shop": "Y"}).labels == MONTHS
    path = write(joined("id,y", *(f"{name},{i}" for name in "AB" for i in range(9))))
    with pytest.raises(UserError, match="holds 2 series, one for each id: A, B"):
        read_csv(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(TABLE.encode(), mtime=0)[:60], "is not a complete gzip file"),
        (gzip.compress(TABLE.encode(), mtime=0)[:-9] + b"abcdefghi", "is not a complete gzip file"),
        (b"PK\x03\x04abc", "is a ZIP file or a workbook"),
    ],
)
def test_damaged_and_other_files_are_refused(write, content, message):
    with pytest.raises(UserError, match=message):
        read_csv(write(content))


def test_a_compressed_file_that_is_too_large_is_refused(write, monkeypatch):
    from scratchgpt.timeseries.data import csv_table

    monkeypatch.setattr(csv_table, "LARGEST", 100)
    with pytest.raises(UserError, match="more than 100 bytes after decompression"):
        read_csv(write(gzip.compress(TABLE.encode(), mtime=0)))


def test_times_without_a_frequency_are_said(write):
    days = [f"2018-01-{day:02d},{day}" for day in range(1, 29) if day != 9]
    path = write(joined("day,y", *days))
    with pytest.warns(UserWarning, match="2018-01-10 follows 2018-01-08.*no season is inferred"):
        assert read_csv(path).period == 1
