"""What ``scratchgpt verify`` proves: every operation, every layer and every model, by name."""

from scratchgpt.proofs.subjects import Check, find_checks, names

__all__ = ["Check", "find_checks", "names"]
