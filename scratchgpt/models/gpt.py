"""GPT: the decoder-only Transformer, in its GPT-1 and GPT-2 forms.

Radford et al. 2018, "Improving language understanding by generative pre-training", and Radford
et al. 2019, "Language models are unsupervised multitask learners". Parameters have the names and
layouts of the published GPT-2 checkpoints.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, derive_seed
from scratchgpt.layers import (
    Block,
    Dropout,
    Embedding,
    Head,
    KVCache,
    Layer,
    LayerNorm,
    Parameter,
    recompute_backward,
    recompute_forward,
)
from scratchgpt.layers.parameters import normal
from scratchgpt.memory import empty_like, scope
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.description import Description, describe
from scratchgpt.ops.cross_entropy import (
    CrossEntropySaved,
    cross_entropy_backward,
    cross_entropy_forward,
)
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.embedding import EmbeddingSaved
from scratchgpt.ops.layer_norm import LayerNormSaved
from scratchgpt.ops.linear import LinearSaved


class BackboneSaved(NamedTuple):
    wte: EmbeddingSaved
    wpe: EmbeddingSaved
    drop: DropoutSaved
    h: list[Any]  # a BlockSaved or a RecomputeSaved for each block
    ln_f: LayerNormSaved | None
    recompute: bool


class Backbone(Layer):
    """Everything below the head: tokens (B, T) to one vector of channels for each (B, T, C)."""

    def __init__(self, config: GPTConfig) -> None:
        self.wte = Embedding(config.vocab_size, config.n_embd)
        self.wpe = Embedding(config.block_size, config.n_embd)
        self.drop = Dropout(config.dropout)
        # Each block adds twice to the residual stream; this keeps the variance of the sum.
        proj_std = 0.02 / (2 * config.n_layer) ** 0.5
        self.h = [
            Block(
                config.n_embd,
                config.n_head,
                config.inner_size,
                dropout=config.dropout,
                bias=config.bias,
                norm_position=config.norm_position,
                activation=config.activation,
                layer_norm_epsilon=config.layer_norm_epsilon,
                proj_std=proj_std,
            )
            for _ in range(config.n_layer)
        ]
        self.ln_f = (
            LayerNorm(config.n_embd, bias=config.bias, eps=config.layer_norm_epsilon)
            if config.norm_position == "pre"
            else None
        )
        self.config = config

    def forward(
        self, tokens: Array, *, dropout_seed: int | None = None, recompute: bool = False
    ) -> tuple[Array, BackboneSaved]:
        """tokens (B, T) -> x (B, T, C)."""
        n_time = tokens.shape[1]
        if n_time > self.config.block_size:
            raise ValueError(
                f"{n_time} tokens are more than the model's block_size of {self.config.block_size}"
            )
        x, wte = self.wte.forward(tokens)  # (B, T, C)
        positions, wpe = self.wpe.forward(np.arange(n_time))  # (T, C)
        x += positions
        x, drop = self.drop.forward(x, _seed(dropout_seed, "drop"))
        h: list[Any] = []
        for i, block in enumerate(self.h):
            seed = _seed(dropout_seed, "h", i)
            x, saved = recompute_forward(block, x, seed) if recompute else block.forward(x, seed)
            h.append(saved)
        ln_f = None
        if self.ln_f:
            x, ln_f = self.ln_f.forward(x)
        return x, BackboneSaved(wte, wpe, drop, h, ln_f, recompute)

    def backward(self, dy: Array, saved: BackboneSaved) -> None:
        """dy (B, T, C); the gradients of all parameters are added, tokens have none."""
        dx = empty_like(dy)
        with scope():
            dx[...] = self.ln_f.backward(dy, saved.ln_f) if self.ln_f and saved.ln_f else dy
        for block, block_saved in zip(reversed(self.h), reversed(saved.h), strict=True):
            with scope():  # what one block's backward took is given back before the next
                if saved.recompute:
                    dx[...] = recompute_backward(block, dx, block_saved)
                else:
                    dx[...] = block.backward(dx, block_saved)
        dx = self.drop.backward(dx, saved.drop)
        self.wpe.backward(dx.sum(axis=0), saved.wpe)  # every row of the batch used them
        self.wte.backward(dx, saved.wte)

    def extend(self, tokens: Array, cache: KVCache) -> Array:
        """New tokens (B, T) after those in the cache -> x (B, T, C); see :meth:`GPT.extend`."""
        n_time = tokens.shape[1]
        positions = cache.lengths[:, None] + np.arange(n_time)  # (B, T)
        n_visible = int(positions.max()) + 1
        if n_visible > self.config.block_size:
            raise ValueError(
                f"{n_visible} tokens are more than the model's block_size of "
                f"{self.config.block_size}"
            )
        mask = np.arange(n_visible) <= positions[:, None, :, None]  # (B, 1, T, S)
        x = self.wte.forward(tokens)[0] + self.wpe.forward(positions)[0]
        for i, block in enumerate(self.h):
            with scope():  # nothing is saved, so one block's arrays are the next one's
                x[...] = block.extend(x, cache.layer(i, positions), mask)
        return self.ln_f.forward(x)[0] if self.ln_f else x


class GPTSaved(NamedTuple):
    transformer: BackboneSaved
    lm_head: LinearSaved


class GPTLossSaved(NamedTuple):
    model: GPTSaved
    cross_entropy: CrossEntropySaved


class GPT(Layer):
    """A language model: for each position, the logits of the token that follows.

    Parameters
    ----------
    config : GPTConfig
    seed : int
        Decides the initial parameters (GPT-2's: normal with standard deviation 0.02, smaller by
        the root of the number of residual branches where a map writes to the residual stream).
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

    def __init__(self, config: GPTConfig, *, seed: int = 0, dtype: Any = np.float32) -> None:
        self.config = config
        self.transformer = Backbone(config)
        if config.tied_head:
            table = self.transformer.wte.weight
        else:
            table = Parameter((config.vocab_size, config.n_embd), normal(0.02))
        self.lm_head = Head(table)
        self.initialize(seed, dtype)

    @property
    def dtype(self) -> Any:
        return self.store.dtype

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
        dropout_seed: int | None = None,
        recompute: bool = False,
    ) -> tuple[Any, GPTLossSaved]:
        """Mean cross-entropy, in nats a counted token.

        Parameters
        ----------
        tokens, targets : integer arrays (B, T)
            A target of -100 does not count.
        dropout_seed, recompute
            As for :meth:`forward`.

        Returns
        -------
        loss : scalar
        saved : GPTLossSaved
        """
        logits, model = self.forward(tokens, dropout_seed=dropout_seed, recompute=recompute)
        loss, cross_entropy = cross_entropy_forward(logits, targets)
        return loss, GPTLossSaved(model, cross_entropy)

    def loss_backward(self, dloss: float, saved: GPTLossSaved, *, in_place: bool = False) -> None:
        """Add ``dloss`` times the gradient of the loss to every ``parameter.grad``.

        Parameters
        ----------
        dloss : float
        saved : GPTLossSaved
        in_place : bool
            Write the gradient of the logits over the logits, as a rule the largest array of all;
            then ``saved`` serves this one pass only.
        """
        with scope():
            target = saved.cross_entropy.logits if in_place else None
            self.backward(cross_entropy_backward(dloss, saved.cross_entropy, target), saved.model)

    def new_cache(self, n_batch: int) -> KVCache:
        """An empty cache for generating ``n_batch`` texts at once."""
        c = self.config
        return KVCache(c.n_layer, n_batch, c.n_head, c.block_size, c.head_size, self.dtype)

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
        x = self.transformer.extend(tokens, cache)  # (B, T, C)
        cache.lengths += counts
        return self.lm_head.forward(x[np.arange(len(x)), counts - 1])[0]  # (B, V)

    def astype(self, dtype: Any) -> "GPT":
        """A copy of the model with its parameters in another dtype."""
        other = GPT(self.config, dtype=dtype)
        for name, parameter in other.store.named.items():
            parameter.value[...] = self.store.named[name].value
        return other

    def describe(self, *, n_batch: int = 1) -> Description:
        """Parameters, memory and arithmetic; see :class:`Description`."""
        return describe(self.config, n_batch=n_batch, itemsize=self.dtype.itemsize)


def _seed(seed: int | None, *names: str | int) -> int | None:
    return None if seed is None else derive_seed(seed, *names)
