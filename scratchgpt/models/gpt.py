"""GPT: the decoder-only Transformer, in its GPT-1 and GPT-2 forms.

Radford et al. 2018, "Improving language understanding by generative pre-training", and Radford
et al. 2019, "Language models are unsupervised multitask learners". Parameters have the names and
layouts of the published GPT-2 checkpoints.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.layers import Head, KVCache, Parameter
from scratchgpt.layers.parameters import normal
from scratchgpt.models.backbone import Backbone, BackboneSaved
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.model import LossSaved, Model
from scratchgpt.ops.cross_entropy import cross_entropy_forward
from scratchgpt.ops.linear import LinearSaved


class GPTSaved(NamedTuple):
    transformer: BackboneSaved
    lm_head: LinearSaved


class GPTLossSaved(LossSaved[GPTSaved]):
    """What the loss of a GPT saves."""


class FlatParameters(NamedTuple):
    """The parameters of a GPT as flat arrays, and at which element of them each one begins."""

    floats: Array  # the parameters that are not rounded
    weights: Array  # the matrices: the same array again, or int8
    scales: Array  # of the rows of matrices in int8; else without elements
    begin: dict[str, int]  # in floats or weights, by name
    scale_begin: dict[str, int]


class GPT(Model[GPTSaved]):
    """A language model: for each position, the logits of the token that follows.

    Parameters
    ----------
    config : GPTConfig
    seed : int, optional
        Decides the initial parameters (GPT-2's: normal with standard deviation 0.02, smaller by
        the root of the number of residual branches where a map writes to the residual stream).
        None leaves them at 0, to be filled.
    dtype : float32, float64 or complex128

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.models import GPT, GPTConfig
    >>> model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=8, block_size=16, vocab_size=11))
    >>> tokens = np.arange(10).reshape(2, 5)
    >>> loss, saved = model.loss(tokens, targets=tokens + 1)
    >>> model.loss_backward(1.0, saved)
    >>> model.transformer.h[0].attn.c_attn.weight.grad.shape
    (8, 24)
    """

    config: GPTConfig

    def __init__(self, config: GPTConfig, *, seed: int | None = 0, dtype: Any = np.float32) -> None:
        self.config = config
        self.transformer = Backbone(config)
        if config.tied_head:
            table = self.transformer.wte.weight
        else:
            table = Parameter((config.vocab_size, config.n_embd), normal(0.02))
        self.lm_head = Head(table)
        self.initialize(seed, dtype)

    def forward(
        self, tokens: Array, *, dropout_seed: int | None = None, recompute: bool = False
    ) -> tuple[Array, GPTSaved]:
        """Logits of the next token at every position.

        Parameters
        ----------
        tokens : integer array (B, T)
            T at most block_size.
        dropout_seed : int, optional
            None is evaluation mode: nothing is dropped. A seed is training mode; the same seed
            drops the same elements.
        recompute : bool
            Keep the input of each block alone and recompute the rest in the backward pass.

        Returns
        -------
        logits : array (B, T, V)
        saved : GPTSaved
        """
        x, transformer = self.transformer.forward(
            tokens, dropout_seed=dropout_seed, recompute=recompute
        )
        logits, lm_head = self.lm_head.forward(x)
        return logits, GPTSaved(transformer, lm_head)

    def backward(self, dlogits: Array, saved: GPTSaved) -> None:
        """Add the gradients of all parameters, for upstream gradients dlogits (B, T, V)."""
        dx = self.lm_head.backward(dlogits, saved.lm_head)
        self.transformer.backward(dx, saved.transformer)

    def loss(
        self,
        tokens: Array,
        targets: Array,
        *,
        label_smoothing: float = 0.0,
        dropout_seed: int | None = None,
        recompute: bool = False,
    ) -> tuple[Any, GPTLossSaved]:
        """Mean cross-entropy, in nats a counted token.

        Parameters
        ----------
        tokens, targets : integer arrays (B, T)
            A target of -100 does not count.
        label_smoothing : float
            The share of each target that is spread over the whole vocabulary; see
            :func:`scratchgpt.ops.cross_entropy_forward`.
        dropout_seed, recompute
            As for :meth:`forward`.

        Returns
        -------
        loss : scalar
        saved : GPTLossSaved
        """
        logits, model = self.forward(tokens, dropout_seed=dropout_seed, recompute=recompute)
        loss, cross_entropy = cross_entropy_forward(
            logits, targets, label_smoothing=label_smoothing
        )
        return loss, GPTLossSaved(model, cross_entropy)

    def new_cache(self, n_batch: int, n_positions: int | None = None) -> KVCache:
        """An empty cache for generating ``n_batch`` texts at once, by default of whole blocks."""
        c = self.config
        n_positions = c.block_size if n_positions is None else n_positions
        return KVCache(c.n_layer, n_batch, c.n_head, n_positions, c.head_size, self.dtype)

    def extend(self, tokens: Array, cache: KVCache, counts: Array | None = None) -> Array:
        """Append tokens to the texts in the cache; the logits of what follows each text.

        Parameters
        ----------
        tokens : integer array (B, T)
        cache : KVCache
            Updated in place.
        counts : int array (B,), optional
            How many of the T tokens of each row are real; the others, at its end, are padding
            that leaves no trace. By default all are.

        Returns
        -------
        logits : array (B, V)

        Raises
        ------
        ValueError
            If a text would be longer than block_size.
        """
        if counts is None:
            counts = np.full(len(tokens), tokens.shape[1])
        x = self.absorb(tokens, cache, counts)
        return self.lm_head.forward(x[np.arange(len(x)), counts - 1])[0]  # (B, V)

    def absorb(self, tokens: Array, cache: KVCache, counts: Array) -> Array:
        """:meth:`extend` up to the head, for texts whose next token is known: x (B, T, C)."""
        x = self.transformer.extend(tokens, cache)
        cache.lengths += counts
        return x

    def crop(self, block_size: int) -> "GPT":
        """A copy for contexts of at most ``block_size`` tokens, without the positions beyond."""
        if block_size > self.config.block_size:
            raise UserError(
                f"block_size={block_size} is more than the {self.config.block_size} positions that "
                "the model knows"
            )
        other = GPT.blank(self.config.replace(block_size=block_size), self.dtype)
        for name, value in other.arrays().items():
            value[...] = self.store.named[name].value[: len(value)]
        return other

    def flat_parameters(self) -> FlatParameters:
        """All parameters as flat arrays, for compiled loops over them."""
        flat = self.store.values
        begin = {name: offset_in(flat, value) for name, value in self.arrays().items()}
        return FlatParameters(flat, flat, np.empty(0, flat.dtype), begin, {})


def offset_in(flat: Array, view: Array) -> int:
    """How many elements into a flat array a view of it begins."""
    return (view.ctypes.data - flat.ctypes.data) // flat.itemsize
