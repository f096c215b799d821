"""Diagnostics: autocorrelations, unit root tests, seasonal strength and decomposition."""
