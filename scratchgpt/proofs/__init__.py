"""The checks of ``scratchgpt verify``: every operation, layer and model, by name."""

from scratchgpt.proofs.subjects import Check, find_checks, names

__all__ = ["Check", "find_checks", "names"]
