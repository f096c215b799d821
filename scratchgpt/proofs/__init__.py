"""What `scratchgpt verify` proves: every operation, layer and model, by name."""
