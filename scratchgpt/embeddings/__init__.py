"""Texts and code as vectors, and search by meaning."""
