"""Tokenizers: characters, bytes, byte-level BPE, and the word-level BPE of GPT-1."""
