"""The exact likelihood of ARIMA models and its gradient: forward and backward passes."""
