"""Time series analysis: ARIMA models, diagnostics, order selection and forecasts.

The package is independent of the language models and imports none of them.
"""

from scratchgpt.timeseries.ar import AR, ARResults
from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.data.examples import EXAMPLES, load_example
from scratchgpt.timeseries.data.read_csv import TimeSeries, read_csv
from scratchgpt.timeseries.data.time_labels import Frequency, infer_frequency
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
from scratchgpt.timeseries.selection.model_search import EvaluatedModel
from scratchgpt.timeseries.selection.n_differences import n_differences, n_seasonal_differences

__all__ = [
    "AR",
    "ARIMA",
    "EXAMPLES",
    "KPSS",
    "ARIMAResults",
    "ARResults",
    "Choice",
    "Correlogram",
    "Decomposition",
    "DickeyFuller",
    "EvaluatedModel",
    "Forecast",
    "Frequency",
    "LjungBox",
    "Orders",
    "TimeSeries",
    "acf",
    "auto_arima",
    "dickey_fuller",
    "infer_frequency",
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
