"""Output head: one logit per token of the vocabulary."""

from typing import Any, NamedTuple

from scratchgpt.backend import Array, as_rows
from scratchgpt.layers.parameters import Layer, Parameter
from scratchgpt.memory import empty_like, scope
from scratchgpt.ops.cross_entropy import (
    IGNORE_INDEX,
    cross_entropy_backward,
    cross_entropy_forward,
)
from scratchgpt.ops.linear import LinearSaved, linear_backward, linear_forward
from scratchgpt.ops.soft_cap import SoftCapSaved, soft_cap_backward, soft_cap_forward

# Of the loss in pieces: about this many logits in each, but products of few rows would be slow.
PIECE_LOGITS, FEWEST_ROWS = 1 << 24, 256


class HeadSaved(NamedTuple):
    linear: LinearSaved
    soft_cap: SoftCapSaved | None


class Head(Layer):
    r"""Logits :math:`z = x W^\top` for a table W (V, C) with the layout of an embedding.

    Parameters
    ----------
    weight : Parameter (V, C)
        If head and embedding are tied (Press and Wolf 2016, arXiv:1608.05859), this is the weight
        of the token embedding, and both layers add to the same gradient.
    soft_cap : float, optional
        Limit of the logits; see :func:`scratchgpt.ops.soft_cap_forward`.
    """

    def __init__(self, weight: Parameter, *, soft_cap: float | None = None) -> None:
        self.weight = weight
        self.soft_cap = soft_cap

    def forward(self, x: Array) -> tuple[Array, HeadSaved]:
        """x (..., C) -> logits (..., V)."""
        logits, linear = linear_forward(x, self.weight.value.T)  # 1
        if self.soft_cap is None:
            return logits, HeadSaved(linear, None)
        capped, soft_cap = soft_cap_forward(logits, self.soft_cap)  # 2
        # The loss may overwrite the logits with their gradient; the backward pass needs them.
        logits[...] = capped
        return logits, HeadSaved(linear, soft_cap)

    def backward(self, dlogits: Array, saved: HeadSaved) -> Array:
        """dlogits (..., V) -> dx (..., C)."""
        if saved.soft_cap:
            dlogits = soft_cap_backward(dlogits, saved.soft_cap)  # undoes 2
        dx, _, _ = linear_backward(
            dlogits, saved.linear, dweight_into=self.weight.accumulator.T
        )  # 1
        return dx

    def loss_in_pieces(
        self, x: Array, targets: Array, dloss: float | None = None, *, label_smoothing: float = 0.0
    ) -> tuple[Any, Array | None]:
        """Compute the mean cross-entropy and the gradient of x, without ever holding all logits.

        The logits are often the largest array of a training step. Here a piece of the rows at a
        time goes through the head and the loss, and back.

        Parameters
        ----------
        x : array (..., C)
        targets : integer array (...)
            Targets of -100 are ignored.
        dloss : float, optional
            Upstream gradient; None computes the loss alone.
        label_smoothing : float
            See :func:`scratchgpt.ops.cross_entropy_forward`.

        Returns
        -------
        loss : scalar, in nats per target that counts
        dx : array (..., C), or None without ``dloss``

        Raises
        ------
        ValueError
            If the targets have another shape than the rows of x, or a target is outside the
            vocabulary.
        """
        if targets.shape != x.shape[:-1]:
            raise ValueError(f"head: x is {x.shape} but targets {targets.shape}")
        dx = None if dloss is None else empty_like(x)
        n_counted = max(int((targets != IGNORE_INDEX).sum()), 1)
        step = rows_of_piece(targets.size, len(self.weight.value))
        total: Any = 0.0
        for begin in range(0, targets.size, step):
            piece = slice(begin, begin + step)
            with scope():
                logits, head = self.forward(as_rows(x)[piece])  # 1
                loss, cross_entropy = cross_entropy_forward(  # 2
                    logits,
                    targets.reshape(-1)[piece],
                    label_smoothing=label_smoothing,
                    reduction="sum",
                )
                total = total + loss
                if dx is not None and dloss is not None:
                    dlogits = cross_entropy_backward(
                        dloss / n_counted, cross_entropy, dlogits_out=logits
                    )  # 2
                    as_rows(dx)[piece] = self.backward(dlogits, head)  # 1
        return total / n_counted, dx


def rows_of_piece(n_rows: int, n_logits: int) -> int:
    """Return the rows in each piece of a loss in pieces; only the last may have fewer."""
    most = max(FEWEST_ROWS, PIECE_LOGITS // n_logits)
    n_pieces = max(1, -(-n_rows // most))
    return max(1, -(-n_rows // n_pieces))
