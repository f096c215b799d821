"""Token-by-token generation: the whole model as one kernel, and its matrix-vector products."""
