"""Parameter estimation: parameter layout, starting points, optimizer and covariance."""
