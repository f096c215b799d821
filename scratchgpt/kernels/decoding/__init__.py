"""Generating one token at a time: the whole model as one kernel, and the products it needs."""
