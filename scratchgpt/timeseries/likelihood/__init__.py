"""The exact likelihood of ARIMA and its gradient, each forward pass beside its backward."""
