"""Choosing the orders of a model: `auto_arima` and what it searches with."""
