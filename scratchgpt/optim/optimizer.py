"""What the trainer needs of an optimizer."""

from typing import Protocol

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import ParameterStore


class Optimizer(Protocol):
    """An optimizer of all trained parameters of a store, or of a part of them.

    Attributes
    ----------
    store : ParameterStore
    n_steps : int
        Number of steps taken.
    """

    store: ParameterStore
    n_steps: int

    @property
    def groups(self) -> list[list[str]]:
        """All trained parameters of the store, in groups.

        Each group is consecutive in the flat arrays. Workers that share the optimizer's states
        divide each group among themselves.
        """

    def step(self, lr: float, grad_scale: float = 1.0) -> None:
        """Update the parameters from ``grad_scale * store.grads``."""

    def moments_of(self, name: str) -> tuple[str, ...]:
        """Return the names of the moments of a parameter, such as ``exp_avg``."""

    def named_moments(self) -> dict[str, Array]:
        """Return views of all own moments by parameter, such as ``exp_avg.NAME``."""

    def describe(self) -> list[str]:
        """Return sentences that say which parameters are updated, and how."""
