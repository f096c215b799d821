"""Series, regressors, dates and names at the ends of what can be computed, drawn and printed."""

import json

import pytest

VALUES = [(7 * i) % 5 + 0.5 for i in range(30)]
ORDER = ("--order", "0,1,1")


@pytest.fixture
def forecast(scratchgpt, tmp_path):
    """``forecast(header, rows, *options)`` forecasts a table; the result is good or one error."""

    def run(header, rows, *options, future=None):
        data = tmp_path / "data.csv"
        lines = [header, *(",".join(map(str, row)) for row in rows)]
        data.write_text("\n".join(lines), encoding="utf-8")
        if future is not None:
            path = tmp_path / "future.csv"
            path.write_text("x\n" + "".join(f"{value}\n" for value in future), encoding="utf-8")
            options = (*options, "--column", "y", "--exog", "x", "--future", path)
        outcome = scratchgpt("forecast", data, *options)
        lines = outcome.stderr.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert (outcome.status, len(errors)) in ((0, 0), (2, 1)), outcome.stderr
        assert all(line.isprintable() for line in lines)
        return errors[0] if errors else outcome.stdout

    return run


def monthly(values, year=2000):
    return [(f"{year + i // 12:04}-{i % 12 + 1:02}", value) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    "name", ["$x^{$", "_y", "a\x1b[31m\u202eb", '"a\nerror: b"', "\x9b2J", "%"]
)
def test_a_name_is_drawn_and_printed_as_it_is(forecast, tmp_path, name):
    pytest.importorskip("matplotlib")
    plots = tmp_path / "plot.svg", tmp_path / "rest.png"
    shown = forecast(
        f"month,{name}", monthly(VALUES), *ORDER, "--plot", plots[0], "--diagnostics", plots[1]
    )
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "error" not in [line[:5] for line in shown.split("\n")]
    assert all(plot.stat().st_size > 1000 for plot in plots)


@pytest.mark.parametrize("scale", [1e308, 1e300, 1e154, 1e-154, 1e-160, 1e-300, 5e-324])
@pytest.mark.parametrize("options", [ORDER, (), ("--log", *ORDER)], ids=" ".join)
def test_a_series_of_any_size_is_forecast_or_refused(forecast, scale, options):
    rows = monthly([scale * (0.1 + value / 10) for value in VALUES])
    assert "y" in forecast("month,y", rows, *options)


@pytest.mark.parametrize("size", [1e308, 1e200, 1e150, 1e-150, 1e-308, 5e-324, 0])
@pytest.mark.parametrize("options", [ORDER, ("--full",)], ids=" ".join)
def test_regressors_of_any_size_are_used_or_refused(forecast, size, options):
    rows = [(*row, size * (i % 3 - 1)) for i, row in enumerate(monthly(VALUES))]
    options = (*options, "--steps", 2)
    shown = forecast("month,y,x", rows, *options, future=[size, -size])
    if not 1e-150 <= size <= 1e150:
        assert "x" in shown
        assert shown.startswith("error")
    ordinary = [(*row, i % 3) for i, row in enumerate(monthly(VALUES))]
    forecast("month,y,x", ordinary, *options[-2:], *ORDER, future=[size, -size])


@pytest.mark.parametrize("year", [1, 9996, 9997])
@pytest.mark.parametrize("form", ["text", "--json", "--csv"])
def test_forecasts_go_on_after_the_year_9999_or_are_refused(forecast, year, form):
    shown = forecast(
        "month,y", monthly(VALUES, year), *ORDER, "--steps", 60, *[form] * (form != "text")
    )
    assert "10001" in shown or "year 9999" in shown or year == 1
    if form == "--json":
        assert len(json.loads(shown)["forecast"]) == 60


@pytest.mark.parametrize(
    "orders",
    [
        ("--order", "1000000000,0,0"),
        ("--order", "0,1000000000,0"),
        ("--order", f"0,0,{10**20}"),
        ("--order", "0,0,0", "--seasonal", "1,0,0,1000000"),
        ("--order", "0,0,0", "--seasonal", f"0,1,0,{10**20}"),
        ("--period", 10**9),
    ],
    ids=str,
)
def test_orders_and_seasons_beyond_the_series_are_refused(forecast, orders):
    error = forecast("month,y", monthly(VALUES), *orders)
    assert error.startswith("error: ")
    assert len(error) < 200
