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
