"""Source code read as text: its words, and the pairs of documentation and code in it."""
