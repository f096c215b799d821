"""Tokenizers: characters, bytes, byte-level BPE and the BPE of GPT-1."""
