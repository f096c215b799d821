"""Tasks that generate problems with exact answers: addition and sorting."""
