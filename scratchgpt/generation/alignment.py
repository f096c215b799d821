"""Cross-attention weights between a translation and its source."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.models import Transformer
from scratchgpt.ops.attention import AttentionSaved, FlashAttentionSaved
from scratchgpt.ops.softmax import softmax_forward


def alignment(
    model: Transformer,
    source: Array | Sequence[int],
    target: Array | Sequence[int],
    *,
    end_of_text: int,
    layer: int | None = None,
) -> Array:
    """Return the decoder's cross-attention weights, averaged over heads and layers.

    Parameters
    ----------
    model : Transformer
    source : int array (S,)
        The source tokens, with the end_of_text token.
    target : int array (T,)
        The tokens of the translation.
    end_of_text : int
        The token that the translation started from.
    layer : int, optional
        Average over the heads of this layer only.

    Returns
    -------
    weights : array (T, S)
        Row t has the attention weights with which the decoder chose token t; each row sums to 1.
    """
    src, tgt = np.asarray(source)[None], np.asarray(target)
    inputs = np.concatenate([[end_of_text], tgt[:-1]])[None]  # the decoder's inputs
    _, saved = model.forward(src, inputs)
    h = saved.decoder.stack.h
    layers = h if layer is None else [h[layer]]
    weights = [_weights(block.cross.branch.attention) for block in layers]
    return np.mean(weights, axis=(0, 1, 2))


def _weights(saved: AttentionSaved | FlashAttentionSaved) -> Array:
    """Return softmax(q k / √D) (B, H, T, S), which the compiled kernel does not save."""
    return softmax_forward(saved.scale * (saved.q @ saved.k.mT))[0]
