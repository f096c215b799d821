"""The exercises with their solutions: a forward and a backward in plain NumPy in each module."""
