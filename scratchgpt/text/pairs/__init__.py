"""Sentence pairs: files, named corpora, generated dates, and batches of them."""
