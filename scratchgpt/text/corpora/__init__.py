"""Corpora: files, folders and named texts, prepared once as token shards."""
