"""Time series data: CSV files, time indexes, input checks and example series."""
