"""Building blocks of several kernels: tiles, vectors, attention heads, random bits."""
