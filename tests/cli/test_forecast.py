import csv
import io
import json

import numpy as np
import pytest

from scratchgpt.timeseries import ARIMA, load_example

AIRLINE = ("--example", "airline", "--order", "0,1,1", "--seasonal", "0,1,1", "--log")


@pytest.fixture
def sales(tmp_path):
    """A CSV file of 60 months with sales that depend on a price, and a text column."""
    rng = np.random.default_rng(0)
    price = 10 + rng.standard_normal(60)
    values = 50 - 3 * price + rng.standard_normal(60)
    lines = ["month,sales,price,remark"]
    for i, (a, b) in enumerate(zip(values, price, strict=True)):
        lines.append(f"{2020 + i // 12}-{i % 12 + 1:02d},{a:.6f},{b:.6f},fair")
    path = tmp_path / "sales.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def plan(tmp_path):
    """A CSV file with prices for the next four months."""
    path = tmp_path / "plan.csv"
    path.write_text("price\n9\n10\n11\n12\n", encoding="utf-8")
    return path


def column_of(path, name):
    with open(path, encoding="utf-8") as file:
        return np.array([float(row[name]) for row in csv.DictReader(file)])


def test_the_forecast_equals_that_of_the_library(scratchgpt):
    record = json.loads(scratchgpt("forecast", *AIRLINE, "--steps", 3, "--json").stdout)
    y = np.log(load_example("airline").values)
    results = ARIMA(y, order=(0, 1, 1), seasonal_order=(0, 1, 1, 12)).fit()
    expected = np.exp(results.get_forecast(3).summary_frame(0.05)[:, [0, 2, 3]])
    found = [[row["forecast"], row["lower"], row["upper"]] for row in record["forecast"]]
    assert np.allclose(found, expected, rtol=1e-12)
    assert [row["time"] for row in record["forecast"]] == ["1961-01", "1961-02", "1961-03"]
    assert record["model"] == "ARIMA(0,1,1)(0,1,1)[12]"
    assert record["params"] == pytest.approx(
        dict(zip(results.param_names, results.params, strict=True))
    )
    assert record["llf"] == pytest.approx(results.llf)


def test_the_table_shows_summary_and_intervals(scratchgpt):
    outcome = scratchgpt("forecast", *AIRLINE, "--steps", 2, "--level", 80)
    assert outcome.status == 0
    assert outcome.stderr == ""
    assert "example airline: log passengers, 1949-01 to 1960-12" in outcome.stdout
    assert "ma.S.L12" in outcome.stdout
    *_, heading, first, second = outcome.stdout.splitlines()
    assert heading.split() == ["time", "median", "lower", "80", "%", "upper", "80", "%"]
    assert first.split()[:2] == ["1961-01", "450.42"]
    assert second.startswith("1961-02")
    assert max(map(len, outcome.stdout.splitlines())) <= 80


def test_csv_output_has_only_the_forecast(scratchgpt):
    outcome = scratchgpt("forecast", *AIRLINE, "--csv")
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    assert list(rows[0]) == ["time", "forecast", "lower", "upper"]
    assert len(rows) == 24  # two seasons
    assert all(float(row["lower"]) < float(row["forecast"]) < float(row["upper"]) for row in rows)


def test_without_an_order_one_is_selected_and_reported(scratchgpt):
    outcome = scratchgpt("forecast", "--example", "huron", "--json", "--verbose")
    record = json.loads(outcome.stdout)
    *tried, chosen = outcome.stderr.splitlines()
    assert chosen.startswith(record["model"])
    assert f"selected from {len(tried)} models in " in chosen
    assert any(f"AICc {record['aicc']:.2f}" in line for line in tried)
    assert len(record["forecast"]) == 10
    quiet = scratchgpt("forecast", "--example", "huron", "--auto", "--json")
    assert len(quiet.stderr.splitlines()) == 1
    assert json.loads(quiet.stdout) == record


def test_the_full_search_is_at_least_as_good_as_the_stepwise_search(scratchgpt):
    stepwise = scratchgpt("forecast", "--example", "nile", "--json").stdout
    outcome = scratchgpt("forecast", "--example", "nile", "--full", "--json")
    assert json.loads(outcome.stdout)["aicc"] <= json.loads(stepwise)["aicc"] + 1e-6


def test_regressors_are_read_from_both_files(scratchgpt, sales, plan):
    options = ("-c", "sales", "--exog", "price", "--future", plan, "--order", "0,0,0")
    record = json.loads(scratchgpt("forecast", sales, *options, "-n", 4, "--json").stdout)
    price, y = column_of(sales, "price"), column_of(sales, "sales")
    const, slope = np.linalg.lstsq(np.column_stack([np.ones(60), price]), y, rcond=None)[0]
    assert record["params"]["price"] == pytest.approx(slope, rel=1e-6)
    found = [row["forecast"] for row in record["forecast"]]
    assert found == pytest.approx([const + slope * x for x in (9, 10, 11, 12)], rel=1e-6)
    assert record["forecast"][0]["time"] == "2025-01"


def test_a_missing_value_is_allowed(scratchgpt, sales):
    lines = sales.read_text(encoding="utf-8").splitlines()
    lines[30] = "2022-06,,10,fair"
    sales.write_text("\n".join(lines), encoding="utf-8")
    outcome = scratchgpt("forecast", sales, "-c", "sales", "--order", "1,0,0", "--json")
    assert all(np.isfinite(row["forecast"]) for row in json.loads(outcome.stdout)["forecast"])


def test_times_of_a_file_without_times_are_numbers(scratchgpt, tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("\n".join(map(str, load_example("nile").values)), encoding="utf-8")
    record = json.loads(scratchgpt("forecast", path, "--order", "0,1,1", "--json").stdout)
    assert [row["time"] for row in record["forecast"]][:2] == ["101", "102"]


@pytest.mark.parametrize("options", [(), ("--log",), ("--auto",)], ids=str)
def test_a_day_that_was_never_observed_has_no_forecast(scratchgpt, tmp_path, options):
    rng, path, plot = np.random.default_rng(0), tmp_path / "week.csv", tmp_path / "week.png"
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-07-29"))
    values = np.tile([500, 520, 540, 560, 700, 900, np.nan], 30) + 20 * rng.normal(size=210)
    rows = zip(days, values, strict=True)
    path.write_text("day,sales\n" + "\n".join(f"{day},{value}" for day, value in rows))
    if "--auto" not in options:
        options = (*options, "--order", "0,1,1", "--seasonal", "0,1,1")

    outcome = scratchgpt("forecast", path, *options, "-n", 14, "--json", "--plot", plot)
    record = json.loads(outcome.stdout, parse_constant=pytest.fail)
    sundays = [row for row in record["forecast"] if row["forecast"] is None]
    assert [row["time"] for row in sundays] == ["2024-08-04", "2024-08-11"]
    assert all(row["lower"] in (0, None) and row["upper"] is None for row in sundays)
    others = [row for row in record["forecast"] if row not in sundays]
    assert all(0 < row["lower"] < row["forecast"] < row["upper"] for row in others)
    assert "1 of the 7 values after the series cannot be predicted" in record["warnings"][-1]
    assert outcome.stderr.count("cannot be predicted") == 1
    assert plot.read_bytes().startswith(b"\x89PNG")

    outcome = scratchgpt("forecast", path, *options, "-n", 14, "--csv")
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    widths = [float(row["upper"]) - float(row["lower"]) for row in rows]
    assert list(np.flatnonzero(np.isinf(widths))) == [6, 13]


@pytest.mark.parametrize("extension", ["png", "svg", "pdf"])
def test_plots_are_written(scratchgpt, tmp_path, extension):
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[extension]
    paths = tmp_path / f"forecast.{extension}", tmp_path / f"rest.{extension}"
    outcome = scratchgpt("forecast", *AIRLINE, "--plot", paths[0], "--diagnostics", paths[1])
    assert outcome.status == 0
    assert all(path.read_bytes().startswith(magic) for path in paths)
    assert sorted(tmp_path.glob("*.*")) == sorted(paths)


def test_a_search_that_does_not_converge_is_reported(scratchgpt, monkeypatch):
    from scratchgpt.timeseries import ARIMA

    fit = ARIMA.fit
    monkeypatch.setattr(ARIMA, "fit", lambda self, **given: fit(self, max_iterations=1, **given))
    outcome = scratchgpt("forecast", "--example", "lynx", "--order", "3,0,2", "--json")
    assert outcome.status == 0
    assert outcome.stderr.startswith("warning: the optimizer did not converge")
    assert json.loads(outcome.stdout)["converged"] is False


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (["y", "1", "x"], (), "line 3 of {path}: y is 'x', which is not a number"),
        (["y", "1", "inf"], (), "line 3 of {path}: y is infinite"),
        (["t,y", "1,2", "2,3,4"], (), "line 3 of {path} has 3 columns"),
        (["t,y,z", "1,2,3"], ("-c", "yy"), "no column 'yy'; did you mean 'y'?"),
        (["t,y,z", "1,2,3"], (), "has 3 columns; set the column to one of: t, y, z"),
        (["t,y,z", "1,2,3"], ("-c", 4), "no column 4"),
        (["2001-01,1", "2001-03,2", "2001-04,3"], (), "2001-04 follows 2001-03"),
        ([], (), "is empty"),
        (["y", *["NA"] * 9], (), "y has no observation"),
        (["y", *["7"] * 9], (), "y is constant"),
        (["y", "1", "2", "4"], ("--order", "2,0,2"), "too few"),
        (["y", "1", "-2", "4"], ("--log",), "y is -2 at 2"),
    ],
    ids=str,
)
def test_a_bad_file_is_refused_in_one_line(refused, tmp_path, lines, options, said):
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert said.format(path=path) in refused("forecast", path, *options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give either a CSV file or --example"),
        (("nothing.csv",), "cannot read nothing.csv"),
        (("--example", "airlin"), "did you mean 'airline'?"),
        (("--example", "nile", "--column", "flow"), "leave out --column"),
        (("--example", "nile", "--order", "0,-1,1"), "must be p,d,q, all non-negative integers"),
        (("--example", "nile", "--order", "1,1"), "must be p,d,q, all non-negative integers"),
        (("--example", "nile", "--order", "0,1,1", "--seasonal", "1,0,0,1"), "must be 2 or more"),
        (("--example", "nile", "--order", "0,1,1", "--seasonal", "1,0,0"), "must be 2 or more"),
        (("--example", "nile", "--order", "0,1,1", "--seasonal", "1,0,0,4,4"), "P,D,Q,s"),
        (("--example", "nile", "--order", "0,1,1", "--trend", "c"), "trend"),
        (("--example", "nile", "--order", "0,1,1", "--auto"), "--order"),
        (("--example", "nile", "--seasonal", "1,0,0,4"), "--method need --order"),
        (("--example", "nile", "--level", "100"), "100 must be between 0 and 100"),
        (("--example", "nile", "--steps", "0"), "--steps"),
        (("--example", "nile", "--json", "--csv"), "one of --json and --csv"),
        (("--example", "nile", "--plot", "nile.doc"), "must end in one of .png"),
        (("--example", "nile", "--plot", "no/folder/x.png", "--order", "0,1,1"), "folder"),
    ],
    ids=str,
)
def test_bad_options_are_refused_in_one_line(scratchgpt, options, said):
    outcome = scratchgpt("forecast", *options)
    assert outcome.status == 2
    (error,) = [line for line in outcome.stderr.splitlines() if line.startswith("error: ")]
    assert said in error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--exog", "price"), "need both --exog (their columns) and --future"),
        (("--exog", "prize", "--future", "{plan}"), "no column 'prize'; did you mean 'price'?"),
        (("--exog", "remark", "--future", "{plan}"), "line 2 of {sales}: remark is 'fair'"),
        (("--exog", "price", "--future", "{plan}", "-n", "5"), "{plan} has 4 rows, but 5 steps"),
    ],
    ids=str,
)
def test_bad_regressors_are_refused_in_one_line(refused, sales, plan, options, said):
    places = {"sales": sales, "plan": plan}
    options = [option.format(**places) for option in options]
    assert said.format(**places) in refused("forecast", sales, "-c", "sales", *options)


def test_a_regressor_with_a_missing_value_is_refused(refused, sales, plan):
    lines = sales.read_text(encoding="utf-8").splitlines()
    lines[30] = "2022-06,9,NA,fair"
    sales.write_text("\n".join(lines), encoding="utf-8")
    options = ("-c", "sales", "--exog", "price", "--future", plan)
    assert f"{sales}: price is missing at 2022-06" in refused("forecast", sales, *options)


@pytest.fixture
def prices(tmp_path):
    """``prices(months)`` writes the prices of months, counted from the first forecast month."""

    def write(months, lines=("month,price",), between="-"):
        path = tmp_path / "prices.csv"
        times = [f"{(24300 + i) // 12}{between}{(24300 + i) % 12 + 1:02d}" for i in months]
        rows = [f"{time},{10 + i / 100}" for time, i in zip(times, months, strict=True)]
        path.write_text("\n".join([*lines, *rows]), encoding="utf-8")
        return path

    return write


def test_future_regressors_are_found_by_time_and_name(scratchgpt, sales, prices):
    options = ("-c", "sales", "--exog", "price", "--order", "0,0,0", "--csv", "-n", 4, "--future")
    exact = scratchgpt("forecast", sales, *options, prices(range(4)))
    assert exact.status == 0, exact.stderr
    for months in (range(-60, 24), [9, 3, 1, 2, 0]):
        path = prices(months)
        assert scratchgpt("forecast", sales, *options, path).stdout == exact.stdout
    by_number = ("-c", "2", "--exog", "3", *options[4:])
    assert scratchgpt("forecast", sales, *by_number, prices(range(4))).stdout == exact.stdout


@pytest.mark.parametrize(
    ("months", "options", "said"),
    [
        (range(3, 20), {}, "has no row for 2025-01: its 17 rows run from 2025-04 to 2026-08"),
        ([0, 1, 3, 4, 5], {}, "has no row for 2025-03"),
        ([0, 1, 1, 2, 3], {}, "has several rows for 2025-02"),
        (range(4), {"between": "/"}, "has no row for 2025-01: its 4 rows run from 2025/01"),
        (range(4), {"lines": ["month,prize"]}, "no column 'price'; did you mean 'prize'?"),
        (range(4), {"lines": []}, "has no column names; add a header line"),
    ],
)
def test_future_regressors_that_do_not_match_are_refused(
    refused, sales, prices, months, options, said
):
    command = ("-c", "sales", "--exog", "price", "--future", prices(months, **options), "-n", "4")
    assert said in refused("forecast", sales, *command)


def test_without_times_the_future_has_one_row_per_step(refused, scratchgpt, sales, plan, tmp_path):
    options = ("-c", "sales", "--exog", "price", "--order", "0,0,0", "--csv", "--future", plan)
    assert "has 4 rows, but 3 steps need 3" in refused("forecast", sales, *options, "-n", 3)
    lines = plan.read_text(encoding="utf-8").splitlines()
    expected = scratchgpt("forecast", sales, *options, "-n", 4).stdout
    plan.write_text("\n".join([",price", *(f"{i},{x}" for i, x in enumerate(lines[1:]))]))
    assert scratchgpt("forecast", sales, *options, "-n", 4).stdout == expected
    irregular = tmp_path / "irregular.csv"
    irregular.write_text("day,sales,price\n" + "".join(f"x{i},{i % 7},{i}\n" for i in range(20)))
    plan.write_text("day,price\nx19,1\nx20,2\n")
    command = (irregular, *options, "-n", 2)
    assert "has a row for x19, which is in the series" in refused("forecast", *command)


def test_the_series_of_a_long_file_is_chosen(scratchgpt, refused, sales, tmp_path):
    header, *rows = sales.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "long.csv"
    lines = [f"id,{header}", *(f"A,{row}" for row in rows), *(f"B,{row}" for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    options = ("-c", "sales", "--order", "0,1,1", "--csv")
    assert "choose one with --where id=A" in refused("forecast", path, *options)
    chosen = scratchgpt("forecast", path, *options, "--where", "id=B")
    assert chosen.stdout == scratchgpt("forecast", sales, *options).stdout
    assert "NAME=VALUE" in scratchgpt("forecast", path, "--where", "id").stderr
    two_values = ("--where", "id=A", "--where", "id=B")
    assert "has two values" in scratchgpt("forecast", path, *two_values).stderr
    assert "name one" in scratchgpt("forecast", "--example", "nile", "--where", "id=A").stderr


def test_a_series_is_read_from_standard_input(scratchgpt, sales, monkeypatch):
    options = ("-c", "sales", "--order", "0,1,1", "--csv")
    content = io.BytesIO(sales.read_bytes())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content, encoding="utf-8"))
    assert scratchgpt("forecast", "-", *options).stdout == (
        scratchgpt("forecast", sales, *options).stdout
    )


def test_what_was_assumed_about_the_file_is_said_once(scratchgpt, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("day;y\n" + "".join(f"word {i};1.{100 + i % 9}\n" for i in range(20)))
    outcome = scratchgpt("forecast", path, "--order", "0,1,1", "--csv", "--decimal", ".")
    assert outcome.stderr.splitlines() == [
        f"warning: {path}: times such as 'word 0' are not understood; no season is inferred, and "
        "forecasts have numbers instead of times"
    ]
    assert outcome.stdout.splitlines()[1].startswith("21,1.10")
    outcome = scratchgpt("forecast", path, "--order", "0,1,1", "--csv", "--thousands", ".")
    assert outcome.stdout.splitlines()[1].startswith("21,110")
    assert "choose with --thousands . or --decimal ." in scratchgpt("forecast", path).stderr


def test_a_logarithm_beyond_the_largest_number_is_infinite(scratchgpt, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("y\n" + "".join(f"{2.0**i}\n" for i in (900, 1010, 980, 1000, 990, 1020)))
    outcome = scratchgpt("forecast", path, "--log", "--order", "0,1,0", "--json")
    assert outcome.stderr == ""
    assert json.loads(outcome.stdout)["forecast"][-1]["upper"] is None


def test_the_json_has_every_parameter_whatever_the_regressors_are_called(scratchgpt, tmp_path):
    rng = np.random.default_rng(0)
    y, x = rng.normal(size=40), rng.normal(size=(44, 3))
    for name, table in (("data.csv", np.column_stack([y, x[:40]])), ("plan.csv", x[40:])):
        header = "y,const,sigma2,ar.L1" if name == "data.csv" else "const,sigma2,ar.L1"
        np.savetxt(tmp_path / name, table, delimiter=",", header=header, comments="")
    options = ("-c", "y", "--exog", "const,sigma2,ar.L1", "--future", tmp_path / "plan.csv")
    options += ("--order", "1,0,0", "--steps", 4, "--json")
    record = json.loads(scratchgpt("forecast", tmp_path / "data.csv", *options).stdout)
    expected = ARIMA(y, x[:40], order=(1, 0, 0)).fit().params
    names = ["const", "exog.const", "exog.sigma2", "exog.ar.L1", "ar.L1", "sigma2"]
    assert list(record["params"]) == list(record["bse"]) == names
    assert list(record["params"].values()) == pytest.approx(list(expected), rel=1e-4)
