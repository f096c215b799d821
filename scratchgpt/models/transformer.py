"""The Transformer of 2017: an encoder reads a text, a decoder writes another.

Vaswani et al. 2017, "Attention is all you need", arXiv:1706.03762.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers import Head, Masks, Parameter, read_masks, seed_for
from scratchgpt.layers.parameters import normal
from scratchgpt.models.decoder_cache import DecoderCache
from scratchgpt.models.encoder_decoder import (
    DecoderSaved,
    EncoderSaved,
    TransformerDecoder,
    TransformerEncoder,
    table_std,
)
from scratchgpt.models.model import LossSaved, Model
from scratchgpt.models.transformer_config import TransformerConfig
from scratchgpt.ops.cross_entropy import cross_entropy_forward
from scratchgpt.ops.linear import LinearSaved


class TransformerSaved(NamedTuple):
    encoder: EncoderSaved
    decoder: DecoderSaved
    lm_head: LinearSaved


class TransformerLossSaved(LossSaved[TransformerSaved]):
    """What the loss of a Transformer saves."""


class Transformer(Model[TransformerSaved]):
    """From a source and the beginning of a target, the logits of the token that follows.

    Masks have the names and the sense of ``torch.nn.Transformer``: in a boolean one True forbids
    (the operation under it, like PyTorch's, has True for what is allowed), a floating one is added
    to the scores. Where the configuration names a ``padding_id`` and there is no
    ``src_key_padding_mask``, the source says itself where it is padding; and in both cases that
    holds for the memory too, unless ``memory_key_padding_mask`` says otherwise. Without a
    ``padding_id`` a mask that is not given masks nothing.

    Parameters
    ----------
    config : TransformerConfig
    seed : int
        Decides the initial parameters (those of Glorot and Bengio 2010; embeddings such that they
        are of the order of 1 once they are scaled).
    dtype : float32, float64 or complex128

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.models import Transformer, TransformerConfig
    >>> config = TransformerConfig(n_encoder_layer=1, n_decoder_layer=2, n_embd=8, vocab_size=11)
    >>> model = Transformer(config)
    >>> src, tgt = np.arange(10).reshape(2, 5), np.arange(6).reshape(2, 3)
    >>> loss, saved = model.loss(src, tgt, targets=tgt + 1)
    >>> model.loss_backward(1.0, saved)
    >>> model.decoder.h[1].cross.c_kv.weight.grad.shape
    (8, 16)
    """

    config: TransformerConfig

    def __init__(
        self, config: TransformerConfig, *, seed: int | None = 0, dtype: Any = np.float32
    ) -> None:
        self.config = config
        self.encoder = TransformerEncoder(config)
        shared = self.encoder.embedding.wte if config.shared_embeddings else None
        self.decoder = TransformerDecoder(config, shared)
        if config.tied_head:
            table = self.decoder.embedding.wte.weight
        else:
            table = Parameter((config.vocab_size, config.n_embd), normal(table_std(config)))
        self.lm_head = Head(table)
        self.initialize(seed, dtype)

    def forward(
        self,
        src: Array,
        tgt: Array,
        *,
        src_mask: Array | None = None,
        tgt_mask: Array | None = None,
        memory_mask: Array | None = None,
        src_key_padding_mask: Array | None = None,
        tgt_key_padding_mask: Array | None = None,
        memory_key_padding_mask: Array | None = None,
        tgt_is_causal: bool = True,
        dropout_seed: int | None = None,
        recompute: bool = False,
    ) -> tuple[Array, TransformerSaved]:
        """Logits of the next token at every position of the target.

        Parameters
        ----------
        src : integer array (B, S)
        tgt : integer array (B, T)
            S and T at most block_size.
        src_mask, tgt_mask, memory_mask : bool or floating array, optional
            (S, S), (T, T) and (T, S); or (B H, S, S) and so on, one for each head of each row.
        src_key_padding_mask, tgt_key_padding_mask, memory_key_padding_mask : optional
            Bool or floating arrays (B, S), (B, T) and (B, S).
        tgt_is_causal : bool
            Whether no position of the target may look at those after it.
        dropout_seed : int, optional
            None is evaluation mode: nothing is dropped. A seed is training mode; the same seed
            drops the same elements.
        recompute : bool
            Keep the inputs of each block alone and recompute the rest in the backward pass.

        Returns
        -------
        logits : array (B, T, V)
        saved : TransformerSaved

        Raises
        ------
        ValueError
            If a text is too long, or a mask has another shape; says which was expected.
        TypeError
            If a mask is neither boolean nor floating.
        """
        if len(src) != len(tgt):
            raise ValueError(f"src has {len(src)} rows but tgt {len(tgt)}: they are pairs")
        if src_key_padding_mask is None:
            src_key_padding_mask = self.padding_mask(src)
        if memory_key_padding_mask is None and self.config.padding_id is not None:
            memory_key_padding_mask = src_key_padding_mask
        src_masks = self._masks("src", src_mask, src_key_padding_mask, src, src)
        tgt_masks = self._masks("tgt", tgt_mask, tgt_key_padding_mask, tgt, tgt)
        memory_masks = self._masks("memory", memory_mask, memory_key_padding_mask, tgt, src)
        memory, encoder = self.encoder.forward(
            src,
            masks=src_masks,
            dropout_seed=seed_for(dropout_seed, "encoder"),
            recompute=recompute,
        )
        x, decoder = self.decoder.forward(
            tgt,
            memory,
            masks=tgt_masks._replace(causal=tgt_is_causal),
            memory_masks=memory_masks,
            dropout_seed=seed_for(dropout_seed, "decoder"),
            recompute=recompute,
        )
        logits, lm_head = self.lm_head.forward(x)
        return logits, TransformerSaved(encoder, decoder, lm_head)

    def backward(self, dlogits: Array, saved: TransformerSaved) -> None:
        """Add the gradients of all parameters, for upstream gradients dlogits (B, T, V)."""
        dx = self.lm_head.backward(dlogits, saved.lm_head)
        dmemory = self.decoder.backward(dx, saved.decoder)
        self.encoder.backward(dmemory, saved.encoder)

    def loss(
        self,
        src: Array,
        tgt: Array,
        targets: Array,
        *,
        label_smoothing: float = 0.0,
        **settings: Any,
    ) -> tuple[Any, TransformerLossSaved]:
        """Mean cross-entropy, in nats a counted token.

        Parameters
        ----------
        src, tgt : integer arrays (B, S), (B, T)
        targets : integer array (B, T)
            What follows each token of tgt; -100 does not count.
        label_smoothing : float
            See :func:`scratchgpt.ops.cross_entropy_forward`.
        **settings
            Masks, dropout_seed and recompute as for :meth:`forward`.

        Returns
        -------
        loss : scalar
        saved : TransformerLossSaved
        """
        logits, model = self.forward(src, tgt, **settings)
        loss, cross_entropy = cross_entropy_forward(
            logits, targets, label_smoothing=label_smoothing
        )
        return loss, TransformerLossSaved(model, cross_entropy)

    def padding_mask(self, src: Array) -> Array | None:
        """Where a source (B, S) is padding; None without a ``padding_id``."""
        padding_id = self.config.padding_id
        return None if padding_id is None else src == padding_id

    def encode(
        self,
        src: Array,
        *,
        src_mask: Array | None = None,
        src_key_padding_mask: Array | None = None,
    ) -> Array:
        """What the decoder looks at, for generation: src (B, S) -> memory (B, S, C)."""
        if src_key_padding_mask is None:
            src_key_padding_mask = self.padding_mask(src)
        masks = self._masks("src", src_mask, src_key_padding_mask, src, src)
        return self.encoder.forward(src, masks=masks)[0]

    def new_cache(
        self,
        memory: Array,
        memory_key_padding_mask: Array | None = None,
        *,
        n_beams: int = 1,
        n_positions: int | None = None,
    ) -> DecoderCache:
        """A cache for writing targets, with the memory's keys and values of every layer.

        Parameters
        ----------
        memory : array (B, S, C)
            From :meth:`encode`.
        memory_key_padding_mask : bool array (B, S), optional
            As a rule :meth:`padding_mask` of the source.
        n_beams : int
            How many texts a sentence may have at most. Each begins with one; see
            :meth:`DecoderCache.select`.
        n_positions : int, optional
            The most tokens of a target, by default block_size.
        """
        return self.decoder.new_cache(memory, memory_key_padding_mask, n_beams, n_positions)

    def extend(self, tokens: Array, cache: DecoderCache) -> Array:
        """Append tokens to the targets in the cache; the logits of what follows each.

        Parameters
        ----------
        tokens : integer array (R, T)
            One row for each text in the cache.
        cache : DecoderCache
            Updated in place.

        Returns
        -------
        logits : array (R, V)

        Raises
        ------
        ValueError
            If a target would be longer than block_size, or than the cache.
        """
        x = self.decoder.extend(tokens, cache)
        return self.lm_head.forward(x[:, -1])[0]

    def _masks(
        self, name: str, mask: Array | None, padding: Array | None, queries: Array, keys: Array
    ) -> Masks:
        """The masks of one of the three attentions, from tokens (B, T) to tokens (B, S)."""
        names = f"{name}_mask", f"{name}_key_padding_mask"
        shape = (len(queries), self.config.n_head, queries.shape[1], keys.shape[1])
        return read_masks(mask, padding, names, shape)
