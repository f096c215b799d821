"""Fitting: parameters, starting points, the optimizer and the covariance of the estimates."""
