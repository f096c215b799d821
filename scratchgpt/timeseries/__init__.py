"""Time series: ARIMA, and what one does before and after it. Knows nothing of GPT."""

from scratchgpt.timeseries.ar import AR, ARResults
from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.auto_arima import Choice, auto_arima
from scratchgpt.timeseries.correlation import Correlogram, acf, pacf
from scratchgpt.timeseries.dickey_fuller import DickeyFuller, dickey_fuller
from scratchgpt.timeseries.examples import EXAMPLES, load_example
from scratchgpt.timeseries.kpss import KPSS, kpss
from scratchgpt.timeseries.ljung_box import LjungBox, ljung_box
from scratchgpt.timeseries.model_search import Tried
from scratchgpt.timeseries.n_differences import n_differences, n_seasonal_differences
from scratchgpt.timeseries.orders import Orders
from scratchgpt.timeseries.predictions import Forecast
from scratchgpt.timeseries.read_csv import TimeSeries, read_csv
from scratchgpt.timeseries.results import ARIMAResults
from scratchgpt.timeseries.seasonal_strength import seasonal_strength
from scratchgpt.timeseries.stl import Decomposition, stl
from scratchgpt.timeseries.time_labels import Clock, clock_of

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
