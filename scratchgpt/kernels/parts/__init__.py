"""Pieces that several kernels are made of: tiles, vectors, attention heads, random bits."""
