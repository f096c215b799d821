"""Corpora: files, folders and named texts, tokenized once into shards."""
