"""Comparison of a configuration with its file of weights, before a model of that size is created.

A configuration from a stranger can ask for any number of layers and channels. What it asks for is
computed without creating anything, and compared with what the file holds.
"""

from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.models.model_config import ModelConfig

MOST_LAYERS = 10_000  # of a model that is read; each costs time, even with a few parameters
ALLOWANCE = 1 << 20  # numbers; for smaller differences, the first array that differs is named


def check_layers(config: ModelConfig, where: Path) -> None:
    """Raise UserError if a model that is read has more than 10,000 layers."""
    for name, n in config.layer_counts.items():
        if n > MOST_LAYERS:
            raise UserError(
                f"{where}: {name}={n} is more than the {MOST_LAYERS:,} layers of a model that "
                "scratchgpt reads"
            )


def check_size(config: ModelConfig, n_needed: int, n_stored: int, where: Path) -> None:
    """Raise UserError if a configuration asks for far more than a file holds.

    Parameters
    ----------
    config : ModelConfig
    n_needed : int
        Number of parameters of the configuration.
    n_stored : int
        Number of elements of all arrays in the files.
    where : Path
        The file or directory, for error messages.

    Raises
    ------
    UserError
        If it asks for more than twice as many numbers, or for too many layers.
    """
    check_layers(config, where)
    if n_needed > 2 * n_stored + ALLOWANCE:
        raise UserError(
            f"{where} holds {n_stored:,} numbers, but its configuration asks for {n_needed:,}: it "
            "belongs to a model of another configuration"
        )
