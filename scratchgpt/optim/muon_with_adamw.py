"""Muon for the linear maps inside a model, and AdamW for everything else."""

import re
from collections import Counter

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.layers.parameters import ParameterStore
from scratchgpt.optim.adamw import AdamW
from scratchgpt.optim.muon import Muon
from scratchgpt.optim.shards import hidden_names, other_names, shards

_LAYER = re.compile(r"(?<=\.)\d+(?=\.)")  # the number of a layer in the name of a parameter


class MuonWithAdamW:
    """Update a whole model: its inner linear maps with Muon, everything else with AdamW.

    The linear maps are the parameters with ``columns``, the beginning of the flat arrays. So Muon
    keeps one moment of a first part, and AdamW two moments of the rest: embeddings, output heads,
    norms and biases.

    Parameters
    ----------
    store : ParameterStore
    lr_ratio : float
        Learning rate of Muon divided by that of AdamW. Both follow one schedule.
    momentum : float
        Of :class:`Muon`.
    adjust_lr : {"original", "match_rms_adamw"}
        Of :class:`Muon`.
    weight_decay : float
        Of both optimizers.
    betas, eps
        Of :class:`AdamW`.
    rank, size : int
        Update only shard number ``rank`` of ``size``, of the parameters of each optimizer.

    Attributes
    ----------
    muon : Muon
    adamw : AdamW

    Raises
    ------
    UserError
        If no linear map is trained.
    """

    def __init__(
        self,
        store: ParameterStore,
        *,
        lr_ratio: float,
        momentum: float = 0.95,
        adjust_lr: str = "original",
        weight_decay: float = 0.1,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        rank: int = 0,
        size: int = 1,
    ) -> None:
        self.store = store
        self.lr_ratio = lr_ratio
        hidden, others = self.groups
        if not hidden:
            raise UserError(
                "optimizer='muon' has nothing to update: no linear map inside the model is "
                "trained; use optimizer='adamw'"
            )
        self.muon = Muon(
            store,
            momentum=momentum,
            weight_decay=weight_decay,
            adjust_lr=adjust_lr,
            shard=shards(store, size, hidden)[rank],
        )
        self.adamw = AdamW(
            store,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            shard=shards(store, size, others)[rank],
        )

    @property
    def n_steps(self) -> int:
        """Number of steps taken."""
        return self.adamw.n_steps

    @n_steps.setter
    def n_steps(self, n: int) -> None:
        self.muon.n_steps = self.adamw.n_steps = n

    @property
    def groups(self) -> list[list[str]]:
        """Names of the parameters of Muon, and of those of AdamW."""
        return [hidden_names(self.store), other_names(self.store)]

    def step(self, lr: float, grad_scale: float = 1.0) -> None:
        """Update the parameters from ``grad_scale * store.grads``.

        Parameters
        ----------
        lr : float
            The learning rate of AdamW in this step; that of Muon is ``lr_ratio * lr``.
        grad_scale : float
            Factor from gradient clipping; ``store.grads`` is unchanged.
        """
        self.muon.step(self.lr_ratio * lr, grad_scale)
        self.adamw.step(lr, grad_scale)

    def moments_of(self, name: str) -> tuple[str, ...]:
        """Return the names of the moments of a parameter."""
        owner = self.muon if self.store.named[name].columns else self.adamw
        return owner.moments_of(name)

    def named_moments(self) -> dict[str, Array]:
        """Return views of all own moments by parameter."""
        return {**self.muon.named_moments(), **self.adamw.named_moments()}

    def describe(self) -> list[str]:
        """Return sentences: which parameters Muon and AdamW update, and their learning rates."""
        hidden, others = self.groups
        n_matrices = sum(len(self.store.named[name].columns) for name in hidden)
        sentences = [
            f"Muon updates {counted(n_matrices, 'matrix', 'matrices')} "
            f"({self._size(hidden)}): {self._listed(hidden)}"
        ]
        if others:
            sentences.append(
                f"AdamW updates {counted(len(others), 'other parameter')} "
                f"({self._size(others)}): {self._listed(others)}"
            )
        sentences.append(
            f"The learning rate shown is AdamW's; Muon's is {self.lr_ratio:.4g} times as large"
        )
        return sentences

    def _size(self, names: list[str]) -> str:
        return counted(sum(self.store.named[name].size for name in names), "number")

    def _listed(self, names: list[str]) -> str:
        """List names, those of all layers of a stack together: ``h.*.mlp.c_fc.weight``.

        If only some layers are trained, they are numbered.
        """
        in_model = Counter(_LAYER.sub("*", name) for name in self.store.named)
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(_LAYER.sub("*", name), []).append(name)
        parts = []
        for pattern, of_layers in found.items():
            n, n_matrices = len(of_layers), len(self.store.named[of_layers[0]].columns)
            details = []
            if n > 1:
                numbers = [match.group() for name in of_layers if (match := _LAYER.search(name))]
                details.append(
                    f"{n} layers" if n == in_model[pattern] else f"layers {', '.join(numbers)}"
                )
            if n_matrices > 1:
                details.append(f"{n_matrices} matrices{' each' if n > 1 else ''}")
            shown = pattern if n > 1 else of_layers[0]
            parts.append(f"{shown} ({', '.join(details)})" if details else shown)
        return ", ".join(parts)
