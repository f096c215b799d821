"""Forecasts, forecast intervals and simulated series."""
