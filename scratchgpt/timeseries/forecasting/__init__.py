"""Forecasts, their intervals, and simulated paths."""
