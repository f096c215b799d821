"""Next-token logits for the hypotheses of a search, with and without a cache."""

from scratchgpt.backend import Array, to_host
from scratchgpt.models import Transformer


class CachedContinuation:
    """Next-token logits with a cache: encodes sources once, computes one target position per step.

    Parameters
    ----------
    model : Transformer
    src : int array (B, S)
    src_key_padding_mask : bool array (B, S) or None
    n_beams : int
        Maximum number of hypotheses per sentence; each sentence begins with one.
    n_positions : int
        Maximum number of tokens of a target.
    """

    def __init__(
        self,
        model: Transformer,
        src: Array,
        src_key_padding_mask: Array | None,
        n_beams: int,
        n_positions: int,
    ) -> None:
        memory = model.encode(src, src_key_padding_mask=src_key_padding_mask)  # (B, S, C)
        self._model = model
        self._cache = model.new_cache(
            memory, src_key_padding_mask, n_beams=n_beams, n_positions=n_positions
        )

    def next_logits(self, targets: Array) -> Array:
        """targets (R, T), one token longer than in the last call -> logits (R, V)."""
        return to_host(self._model.extend(targets[:, -1:], self._cache))

    def select(self, rows: Array) -> None:
        """Continue with the hypotheses in ``rows``, an int array (R',)."""
        self._cache.select(rows)


class PlainContinuation:
    """Next-token logits from whole forward passes, the reference for the cached version."""

    def __init__(
        self,
        model: Transformer,
        src: Array,
        src_key_padding_mask: Array | None,
        n_beams: int,
        n_positions: int,
    ) -> None:
        self._model = model
        self._src, self._padding = src, src_key_padding_mask  # (R, S)

    def next_logits(self, targets: Array) -> Array:
        logits, _ = self._model.forward(
            self._src,
            targets,
            src_key_padding_mask=self._padding,
            memory_key_padding_mask=self._padding,
        )
        return to_host(logits[:, -1])

    def select(self, rows: Array) -> None:
        self._src = self._src[rows]
        if self._padding is not None:
            self._padding = self._padding[rows]
