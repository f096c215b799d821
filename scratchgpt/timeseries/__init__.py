"""Time series: ARIMA, and what one does before and after it. Knows nothing of GPT."""

from scratchgpt.timeseries.ar import AR, ARResults
from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.data.examples import EXAMPLES, load_example
from scratchgpt.timeseries.data.read_csv import TimeSeries, read_csv
from scratchgpt.timeseries.data.time_labels import Clock, clock_of
from scratchgpt.timeseries.diagnostics.correlation import Correlogram, acf, pacf
from scratchgpt.timeseries.diagnostics.dickey_fuller import DickeyFuller, dickey_fuller
from scratchgpt.timeseries.diagnostics.kpss import KPSS, kpss
from scratchgpt.timeseries.diagnostics.ljung_box import LjungBox, ljung_box
from scratchgpt.timeseries.diagnostics.seasonal_strength import seasonal_strength
from scratchgpt.timeseries.diagnostics.stl import Decomposition, stl
from scratchgpt.timeseries.forecasting.predictions import Forecast
from scratchgpt.timeseries.orders import Orders
from scratchgpt.timeseries.results import ARIMAResults
from scratchgpt.timeseries.selection.auto_arima import Choice, auto_arima
from scratchgpt.timeseries.selection.model_search import Tried
from scratchgpt.timeseries.selection.n_differences import n_differences, n_seasonal_differences

__all__ = [
    "AR",
    "ARIMA",
    "EXAMPLES",
    "KPSS",
    "ARIMAResults",
    "ARResults",
    "Choice",
    "Clock",
    "Correlogram",
    "Decomposition",
    "DickeyFuller",
    "Forecast",
    "LjungBox",
    "Orders",
    "TimeSeries",
    "Tried",
    "acf",
    "auto_arima",
    "clock_of",
    "dickey_fuller",
    "kpss",
    "ljung_box",
    "load_example",
    "n_differences",
    "n_seasonal_differences",
    "pacf",
    "read_csv",
    "seasonal_strength",
    "stl",
]
