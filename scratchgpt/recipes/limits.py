"""A limit of the size of models: the memory of this machine."""

import os

from scratchgpt.errors import UserError
from scratchgpt.models import ModelConfig, describe


def check_memory(config: ModelConfig, n_batch: int, *, only_adapters: bool = False) -> None:
    """Refuse a model that cannot be trained on this machine, before it is created.

    The estimate counts with recomputation, and may exceed the memory up to twice, because it is an
    estimate and the system may have swap space.

    Parameters
    ----------
    config : GPTConfig or TransformerConfig
    n_batch : int
        Rows of a batch, with block_size tokens each.
    only_adapters : bool
        Whether the parameters are frozen, so that they have no gradients and no moments.

    Raises
    ------
    UserError
        If the model and a batch need more than twice the memory of the machine.
    """
    cost, available = describe(config, n_batch=n_batch), memory_bytes()
    needed = cost.recompute_peak_bytes - (cost.optimizer_bytes if only_adapters else 0)
    if available is not None and needed > 2 * available:
        raise UserError(
            f"training needs about {needed / 1e9:,.0f} GB of memory, and this machine has "
            f"{available / 1e9:,.0f} GB; use a smaller model, block_size or batch"
        )


def memory_bytes() -> int | None:
    """Return the memory of the machine, or None if the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
