"""Order selection: `auto_arima`, the stepwise search and the number of differences."""
