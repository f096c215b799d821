"""The Transformer of 2017: an encoder reads the source, a decoder writes the target.

Vaswani et al. 2017, "Attention is all you need", arXiv:1706.03762.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, to_device_of
from scratchgpt.errors import counted
from scratchgpt.layers import Head, HeadSaved, Masks, Parameter, read_masks, seed_for
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
from scratchgpt.ops.embedding import check_token_rows


class TransformerSaved(NamedTuple):
    encoder: EncoderSaved
    decoder: DecoderSaved
    lm_head: HeadSaved


class TransformerLossSaved(LossSaved[TransformerSaved]):
    """``saved`` of the loss of a Transformer."""


class Transformer(Model[TransformerSaved]):
    """Encoder-decoder model that predicts the next token of a target, given a source.

    Masks have the names and the meaning of ``torch.nn.Transformer``: True in a boolean mask
    forbids attention, and a floating-point mask is added to the scores. (In
    :func:`scratchgpt.ops.attention_forward`, as in PyTorch's function, True allows attention.)

    If the configuration has a ``padding_id``, ``src_key_padding_mask`` defaults to the padding of
    the source. ``memory_key_padding_mask`` then defaults to ``src_key_padding_mask``. Without a
    ``padding_id``, a mask that is not given masks nothing.

    Parameters
    ----------
    config : TransformerConfig
    seed : int
        Random seed of the initial parameters (those of Glorot and Bengio 2010; embeddings have a
        magnitude of about 1 after scaling).
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

    def hidden(
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
    ) -> tuple[Array, tuple[EncoderSaved, DecoderSaved]]:
        """Compute the output of the last block of the decoder, after its norm, without the head.

        Parameters
        ----------
        src : integer array (B, S)
        tgt : integer array (B, T)
            S and T at most block_size.
        src_mask, tgt_mask, memory_mask : bool or floating array, optional
            (S, S), (T, T) and (T, S); or (B H, S, S) and so on, one per head of each row.
        src_key_padding_mask, tgt_key_padding_mask, memory_key_padding_mask : optional
            Bool or floating arrays (B, S), (B, T) and (B, S).
        tgt_is_causal : bool
            Whether no position of the target may attend to later positions.
        dropout_seed : int, optional
            None means evaluation: dropout is disabled. A seed means training; the same seed
            results in the same dropout masks.
        recompute : bool
            Save only the inputs of each block, and recompute the rest in the backward pass.

        Returns
        -------
        x : array (B, T, C)
        saved : tuple (EncoderSaved, DecoderSaved)

        Raises
        ------
        ValueError
            If a text is too long, or there is none; if a mask has a wrong shape.
        TypeError
            If the tokens are not integer arrays, or a mask is neither boolean nor floating point.
        """
        check_token_rows("src", src)
        check_token_rows("tgt", tgt)
        if len(src) != len(tgt):
            raise ValueError(
                f"src has {counted(len(src), 'row')} but tgt has {len(tgt)}; they must be pairs"
            )
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
        return x, (encoder, decoder)

    def hidden_backward(self, dx: Array, saved: tuple[EncoderSaved, DecoderSaved]) -> None:
        """Add the gradients of encoder and decoder, for an upstream gradient dx (B, T, C)."""
        encoder, decoder = saved
        dmemory = self.decoder.backward(dx, decoder)
        self.encoder.backward(dmemory, encoder)

    def forward(self, src: Array, tgt: Array, **settings: Any) -> tuple[Array, TransformerSaved]:
        """Compute the logits of the next token at every position of the target.

        Parameters
        ----------
        src, tgt : integer arrays (B, S), (B, T)
        **settings
            Masks, dropout_seed and recompute as in :meth:`hidden`.

        Returns
        -------
        logits : array (B, T, V)
        saved : TransformerSaved
        """
        x, (encoder, decoder) = self.hidden(src, tgt, **settings)
        logits, lm_head = self.lm_head.forward(x)
        return logits, TransformerSaved(encoder, decoder, lm_head)

    def backward(self, dlogits: Array, saved: TransformerSaved) -> None:
        """Add the gradients of all parameters, for upstream gradients dlogits (B, T, V)."""
        dx = self.lm_head.backward(dlogits, saved.lm_head)
        self.hidden_backward(dx, (saved.encoder, saved.decoder))

    def loss(
        self,
        src: Array,
        tgt: Array,
        targets: Array,
        *,
        label_smoothing: float = 0.0,
        **settings: Any,
    ) -> tuple[Any, TransformerLossSaved]:
        """Compute the mean cross-entropy, in nats per token that counts.

        Parameters
        ----------
        src, tgt : integer arrays (B, S), (B, T)
        targets : integer array (B, T)
            The token that follows each token of tgt; -100 is ignored.
        label_smoothing : float
            See :func:`scratchgpt.ops.cross_entropy_forward`.
        **settings
            Masks, dropout_seed and recompute as in :meth:`hidden`.

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
        """Return the padding mask of a source (B, S); None without a ``padding_id``."""
        padding_id = self.config.padding_id
        return None if padding_id is None else src == padding_id

    def encode(
        self,
        src: Array,
        *,
        src_mask: Array | None = None,
        src_key_padding_mask: Array | None = None,
    ) -> Array:
        """Compute the memory for generation: src (B, S) -> memory (B, S, C)."""
        check_token_rows("src", src)
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
        """Create a cache for generating targets, with the memory's keys and values per layer.

        Parameters
        ----------
        memory : array (B, S, C)
            From :meth:`encode`.
        memory_key_padding_mask : bool array (B, S), optional
            Usually :meth:`padding_mask` of the source.
        n_beams : int
            Maximum number of texts per sentence. Initially there is one per sentence; see
            :meth:`DecoderCache.select`.
        n_positions : int, optional
            Maximum number of tokens of a target, by default block_size.
        """
        return self.decoder.new_cache(memory, memory_key_padding_mask, n_beams, n_positions)

    def extend(self, tokens: Array, cache: DecoderCache) -> Array:
        """Append tokens to the targets in the cache, and compute the logits of the next tokens.

        Parameters
        ----------
        tokens : integer array (R, T)
            One row per text in the cache.
        cache : DecoderCache
            Updated in place.

        Returns
        -------
        logits : array (R, V)

        Raises
        ------
        ValueError
            If a target would exceed block_size, or the size of the cache.
        """
        x = self.decoder.extend(tokens, cache)
        return self.lm_head.forward(x[:, -1])[0]

    def _masks(
        self, name: str, mask: Array | None, padding: Array | None, queries: Array, keys: Array
    ) -> Masks:
        """Return the masks of one of the three attentions, from (B, T) to (B, S) tokens."""
        names = f"{name}_mask", f"{name}_key_padding_mask"
        shape = (len(queries), self.config.n_head, queries.shape[1], keys.shape[1])
        masks = read_masks(mask, padding, names, shape)
        mask, padding = (
            x if x is None else to_device_of(self.store.values, x)
            for x in (masks.mask, masks.key_padding_mask)
        )
        return masks._replace(mask=mask, key_padding_mask=padding)
