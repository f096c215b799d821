"""Folders of sentence-transformers: written for it, and read from it."""
