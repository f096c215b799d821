"""GPT: the decoder-only Transformer; its forms, from GPT-1 to today's, are settings.

Radford et al. 2018, "Improving language understanding by generative pre-training", and Radford
et al. 2019, "Language models are unsupervised multitask learners". Parameters have the names and
layouts of the published GPT-2 checkpoints.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module, to_device_of
from scratchgpt.errors import UserError, counted
from scratchgpt.layers import Head, HeadSaved, KVCache, Parameter
from scratchgpt.layers.parameters import normal
from scratchgpt.models.backbone import Backbone, BackboneSaved
from scratchgpt.models.config import OWN_BIASES, GPTConfig
from scratchgpt.models.model import LossSaved, Model
from scratchgpt.ops.cross_entropy import cross_entropy_forward
from scratchgpt.ops.embedding import check_token_rows


class GPTSaved(NamedTuple):
    transformer: BackboneSaved
    lm_head: HeadSaved


class GPTLossSaved(LossSaved[GPTSaved]):
    """``saved`` of the loss of a GPT."""


class FlatParameters(NamedTuple):
    """The parameters of a GPT as flat arrays, with the offset of each parameter."""

    floats: Array  # the parameters that are not quantized
    weights: Array  # the matrices: the same array as floats, or int8
    scales: Array  # scales of the rows of int8 matrices; otherwise empty
    begin: dict[str, int]  # in floats or weights, by name
    scale_begin: dict[str, int]


class GPT(Model[GPTSaved]):
    """Language model that predicts the logits of the next token at each position.

    Parameters
    ----------
    config : GPTConfig
    seed : int, optional
        Random seed of the initial parameters (GPT-2's: normal with standard deviation 0.02; for
        weights that write to the residual stream, divided by the square root of the number of
        residual branches). None leaves all parameters at 0, for loading them afterwards.
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
        self.lm_head = Head(table, soft_cap=config.logit_soft_cap)
        self.initialize(seed, dtype)

    def forward(
        self, tokens: Array, *, dropout_seed: int | None = None, recompute: bool = False
    ) -> tuple[Array, GPTSaved]:
        """Compute the logits of the next token at every position.

        Parameters
        ----------
        tokens : integer array (B, T)
            T at most block_size.
        dropout_seed : int, optional
            None means evaluation: dropout is disabled. A seed means training; the same seed
            results in the same dropout masks.
        recompute : bool
            Save only the input of each block, and recompute the rest in the backward pass.

        Returns
        -------
        logits : array (B, T, V)
        saved : GPTSaved

        Raises
        ------
        ValueError
            If there are no tokens, a text is too long, or a token is outside the vocabulary.
        TypeError
            If the tokens are not an integer array.
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
        """Compute the mean cross-entropy, in nats per token that counts.

        Parameters
        ----------
        tokens, targets : integer arrays (B, T)
            Targets of -100 are ignored.
        label_smoothing : float
            The share of each target that is spread over the whole vocabulary; see
            :func:`scratchgpt.ops.cross_entropy_forward`.
        dropout_seed, recompute
            As in :meth:`forward`.

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

    def hidden(self, tokens: Array, **settings: Any) -> tuple[Array, BackboneSaved]:
        """Compute the input of the head (B, T, C); settings as in :meth:`forward`."""
        return self.transformer.forward(tokens, **settings)

    def hidden_backward(self, dx: Array, saved: BackboneSaved) -> None:
        """Add the gradients of all parameters below the head, for an upstream gradient dx."""
        self.transformer.backward(dx, saved)

    def new_cache(self, n_batch: int, n_positions: int | None = None) -> KVCache:
        """Create a cache for ``n_batch`` texts, by default of block_size positions each."""
        c = self.config
        n_positions = c.block_size if n_positions is None else n_positions
        sizes = c.n_layer, n_batch, c.kv_heads, n_positions, c.head_size
        return KVCache(*sizes, self.dtype, self.store.values)

    def extend(self, tokens: Array, cache: KVCache, counts: Array | None = None) -> Array:
        """Append tokens to the texts in the cache, and compute the logits of the next token.

        Parameters
        ----------
        tokens : integer array (B, T)
        cache : KVCache
            Updated in place.
        counts : int array (B,), optional
            How many of the T tokens of each row are real, in host memory. The others, at its end,
            are padding, which does not change the cache. By default all are real.

        Returns
        -------
        logits : array (B, V)

        Raises
        ------
        ValueError
            If a text would exceed block_size.
        """
        check_token_rows("tokens", tokens)
        if counts is None:
            counts = np.full(len(tokens), tokens.shape[1])  # on the host
        x = self.absorb(tokens, cache, counts)
        last = to_device_of(x, counts - 1)
        return self.lm_head.forward(x[array_module(x).arange(len(x)), last])[0]  # (B, V)

    def absorb(self, tokens: Array, cache: KVCache, counts: Array) -> Array:
        """Append tokens like :meth:`extend`, without the head: returns x (B, T, C).

        It is for texts whose next token is known.
        """
        x = self.transformer.extend(tokens, cache)
        cache.lengths += counts
        return x

    def crop(self, block_size: int) -> "GPT":
        """Return a copy for contexts of at most ``block_size`` tokens; later positions are cut."""
        if block_size > self.config.block_size:
            raise UserError(
                f"block_size={block_size} is more than the "
                f"{counted(self.config.block_size, 'position')} of the model"
            )
        return self.with_config(self.config.replace(block_size=block_size))

    def with_vocabulary(self, vocab_size: int, seed: int = 0) -> "GPT":
        """Return a copy with more tokens; the rows of new tokens are random, as in a new model."""
        if vocab_size < self.config.vocab_size:
            raise UserError(
                f"vocab_size={vocab_size} is less than the model's "
                f"{counted(self.config.vocab_size, 'token')}; tokens can only be added"
            )
        self.refuse_adapters()
        other = GPT(self.config.replace(vocab_size=vocab_size), seed=seed, dtype=self.dtype)
        other.special_ids = self.special_ids
        for name, value in self.arrays().items():
            other.store.named[name].value[: len(value)] = value
        return other

    def with_biases(self) -> "GPT":
        """Return a model with biases that computes the same; biases that are missing are 0.

        Programs that only support models with biases can read it. An RMS norm has none.
        """
        self.refuse_adapters()
        own = dict.fromkeys(OWN_BIASES)  # None: as ``bias``
        config = self.config.replace(**{"bias": True, **own})
        if config.effective() == self.config.effective():
            return self
        other = GPT.blank(config, self.dtype)
        other.special_ids = self.special_ids
        for name, value in self.arrays().items():
            other.store.named[name].value[...] = value
        return other

    def flat_parameters(self) -> FlatParameters:
        """Return all parameters as flat arrays, for compiled loops over them."""
        flat = self.store.values
        begin = {name: offset_in(flat, value) for name, value in self.arrays().items()}
        return FlatParameters(flat, flat, flat[:0], begin, {})


def offset_in(flat: Array, view: Array) -> int:
    """Return the offset, in elements, of a view in its flat array."""
    return (view.ctypes.data - flat.ctypes.data) // flat.itemsize
