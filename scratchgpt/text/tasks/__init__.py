"""Generated tasks with exact answers: addition and sorting."""
