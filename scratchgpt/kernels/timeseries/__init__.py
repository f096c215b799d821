"""Compiled recursions for the likelihood of ARIMA models and its gradient."""
