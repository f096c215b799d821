"""The recursions of ARIMA's likelihood and of its gradient."""
