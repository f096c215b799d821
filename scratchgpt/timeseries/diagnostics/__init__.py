"""Diagnostics: correlations, unit root tests, seasonal strength and decomposition."""
