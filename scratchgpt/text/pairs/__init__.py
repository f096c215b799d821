"""Sentence pairs for translation: files, named corpora, generated dates and batches."""
