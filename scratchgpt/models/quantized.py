"""A GPT for inference with 8-bit weights, which need a quarter of the memory and read time."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.errors import UserError
from scratchgpt.layers import Block, KVCache, Norm
from scratchgpt.memory import aligned_zeros
from scratchgpt.models.backbone import cached_masks
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.gpt import GPT, FlatParameters, offset_in
from scratchgpt.models.gpt_cost import LINE_BYTES
from scratchgpt.ops.embedding import check_token_rows, check_tokens
from scratchgpt.ops.soft_cap import soft_cap_forward
from scratchgpt.special_ids import SpecialIds

HIGHEST = 127
TABLES = ("wte.weight", "wpe.weight", "lm_head.weight")  # as in a GPT; the others are transposed
HEAD_ROWS = 4096  # rows of the vocabulary that are converted to float32 at a time


class Quantized(NamedTuple):
    """A matrix of integers from -127 to 127, with one scale per row.

    Each row computes one output: a table has the same layout as in a :class:`GPT`, and the weight
    of a linear map is transposed, (n_out, n_in).
    """

    weight: Array  # int8 (n_rows, n)
    scale: Array  # float32 (n_rows,)

    def by_rows(self, rows: Any) -> Array:
        """Return the given rows of a table in float32."""
        return self.weight[rows] * self.scale[rows][..., None]


class QuantizedGPT:
    r"""A GPT with all matrices in int8, including embeddings and head.

    Each output of a linear map has its own scale, :math:`s = \max_i |w_i| / 127`, and
    :math:`w_i \approx s\,q_i`, where :math:`q_i` is the nearest integer. So no weight changes by
    more than s / 2. Biases and layer norms remain in float32, and so does the arithmetic. The model
    generates text, but cannot be trained.

    Parameters
    ----------
    model : GPT
        In float32 or float64.

    Attributes
    ----------
    config : GPTConfig
    special_ids : SpecialIds
        As in a :class:`GPT`.
    matrices : dict of str to Quantized
        Under the names of the parameters of a :class:`GPT`.
    vectors : dict of str to float32 array
    weights, scales, floats : array
        The flat arrays that contain the matrices' weights, their scales and the vectors.

    Raises
    ------
    UserError
        If a weight is not finite.

    Examples
    --------
    >>> from scratchgpt.generation import generate
    >>> from scratchgpt.models import GPT, GPTConfig, QuantizedGPT
    >>> model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=8, block_size=16, vocab_size=11))
    >>> small = QuantizedGPT(model)
    >>> small.weights.dtype, small.weights.size >= model.store.n_decay
    (dtype('int8'), True)
    >>> [len(g.tokens) for g in generate(small, [[1, 2, 3]], max_new_tokens=5)]
    [5]
    """

    special_ids: SpecialIds = SpecialIds()

    def __init__(self, model: GPT) -> None:
        model.refuse_adapters()
        for name, parameter in model.store.named.items():
            if not np.isfinite(parameter.value).all():
                raise UserError(f"{name} has values that are not finite; nothing was quantized")
        self._allocate(model)
        self.special_ids = model.special_ids
        for name, vector in self.vectors.items():
            vector[...] = model.store.named[name].value
        for name, (weight, scale) in self.matrices.items():
            _quantize(_rows(name, model.store.named[name].value), weight, scale)

    @classmethod
    def blank(cls, config: GPTConfig) -> "QuantizedGPT":
        """Create a model with all parameters 0, for loading through :meth:`arrays`."""
        model = cls.__new__(cls)
        model._allocate(GPT.blank(config))  # uses no memory, because it is never written
        return model

    def arrays(self) -> dict[str, Array]:
        """Return all parameters by name; the scales of a matrix have the suffix ``.scale``."""
        arrays = dict(self.vectors)
        for name, (weight, scale) in self.matrices.items():
            arrays |= {name: weight, f"{name}.scale": scale}
        return arrays

    def flat_parameters(self) -> FlatParameters:
        """Return all parameters as flat arrays, for compiled loops over them."""
        matrices, vectors = self.matrices.items(), self.vectors.items()
        begin = {name: offset_in(self.weights, matrix.weight) for name, matrix in matrices}
        begin |= {name: offset_in(self.floats, vector) for name, vector in vectors}
        scale_begin = {name: offset_in(self.scales, matrix.scale) for name, matrix in matrices}
        return FlatParameters(self.floats, self.weights, self.scales, begin, scale_begin)

    def _allocate(self, model: GPT) -> None:
        """Allocate memory for the parameters of a model."""
        self.config: GPTConfig = model.config
        named = model.arrays()
        matrices = {name: _rows(name, value) for name, value in named.items() if value.ndim == 2}
        self.weights, weights = _flat({k: v.shape for k, v in matrices.items()}, np.int8)
        self.scales, scales = _flat({k: v.shape[:1] for k, v in matrices.items()}, np.float32)
        vectors = {name: value.shape for name, value in named.items() if value.ndim == 1}
        self.floats, self.vectors = _flat(vectors, np.float32)
        self.matrices = {name: Quantized(weights[name], scales[name]) for name in matrices}
        # Prompts go through one block in float32, which holds the weights of each layer in turn.
        one = replace(self.config, n_layer=1, vocab_size=1, tied_head=True, window_layers=None)
        self._one_block = GPT(one)
        for _, parameter in self._one_block.transformer.h[0].named_parameters():
            if len(parameter.shape) == 2:  # our layout: filling follows memory order
                parameter.value = np.empty(parameter.shape[::-1], np.float32).T  # on the host

    @property
    def dtype(self) -> Any:
        """The dtype of the arithmetic, and of keys and values."""
        return np.dtype(np.float32)

    @property
    def nbytes(self) -> int:
        """Bytes of all parameters."""
        return self.weights.nbytes + self.scales.nbytes + self.floats.nbytes

    def dequantize(self) -> GPT:
        """Return the GPT that this model computes, with its rounded weights in float32."""
        model = GPT.blank(self.config)
        model.special_ids = self.special_ids
        for name, value in model.arrays().items():
            self._fill(value, name)
        return model

    def new_cache(self, n_batch: int, n_positions: int | None = None) -> KVCache:
        """Create a cache for ``n_batch`` texts, by default of block_size positions each."""
        c = self.config
        n_positions = c.block_size if n_positions is None else n_positions
        return KVCache(c.n_layer, n_batch, c.kv_heads, n_positions, c.head_size, self.dtype)

    def extend(self, tokens: Array, cache: KVCache, counts: Array | None = None) -> Array:
        """Append tokens (B, T) to the texts in the cache; see :meth:`GPT.extend`."""
        check_token_rows("tokens", tokens)
        if counts is None:
            counts = np.full(len(tokens), tokens.shape[1])  # on the host
        x = self.absorb(tokens, cache, counts)
        return self._logits(x[np.arange(len(x)), counts - 1])  # on the host

    def absorb(self, tokens: Array, cache: KVCache, counts: Array) -> Array:
        """Append tokens without the head; see :meth:`GPT.absorb`."""
        check_token_rows("tokens", tokens)
        check_tokens(tokens, self.config.vocab_size)
        positions = cache.lengths[:, None] + np.arange(tokens.shape[1])  # (B, T) on the host
        self.config.check_length(int(positions.max()) + 1)
        x = self.matrices["transformer.wte.weight"].by_rows(tokens)
        backbone = self._one_block.transformer
        if backbone.wpe:
            x += self.matrices["transformer.wpe.weight"].by_rows(positions)  # (B, T, C)
        if backbone.ln_wte:
            self._fill_layer(backbone.ln_wte, "transformer.ln_wte")
            x = backbone.ln_wte.forward(x)[0]
        rotation = backbone.rotary.at(positions, like=x) if backbone.rotary else None
        for i, mask in enumerate(cached_masks(positions, cache, self.config)):
            self._fill_layer(backbone.h[0], f"transformer.h.{i}")
            backbone.h[0].attn.scale = self.config.attention_scale(i)
            x = backbone.h[0].extend(x, cache.layer(i, positions, mask), rotation)
        if backbone.ln_f:
            self._fill_layer(backbone.ln_f, "transformer.ln_f")
            x = backbone.ln_f.forward(x)[0]
        cache.lengths += counts
        return x

    def _logits(self, x: Array) -> Array:
        """x (B, C) -> logits (B, V), computed for some rows of the head at a time."""
        name = "lm_head.weight" if "lm_head.weight" in self.matrices else "transformer.wte.weight"
        head = self.matrices[name]
        starts = range(0, len(head.weight), HEAD_ROWS)
        parts = [x @ head.by_rows(slice(start, start + HEAD_ROWS)).T for start in starts]
        logits = np.concatenate(parts, axis=-1)
        if self.config.logit_soft_cap is not None:
            soft_cap_forward(logits, self.config.logit_soft_cap, y_out=logits)
        return logits

    def _fill_layer(self, layer: Norm | Block, path: str) -> None:
        """Write the parameters of a layer of the model to a layer that processes prompts."""
        for name, parameter in layer.named_parameters():
            self._fill(parameter.value, f"{path}.{name}")

    def _fill(self, value: Array, name: str) -> None:
        """Write a parameter in float32 to the block that processes prompts."""
        if name in self.vectors:
            value[...] = self.vectors[name]
        else:
            weight, scale = self.matrices[name]
            rows = _rows(name, value)
            if use_kernels(value) and rows.flags.c_contiguous:
                from scratchgpt.kernels.decoding.dequantize import dequantize

                dequantize(weight, scale, rows)
            else:
                np.multiply(weight, scale[:, None], out=rows)


def _rows(name: str, value: Array) -> Array:
    """Return a view of a matrix of a GPT with one row per output."""
    return value if name.endswith(TABLES) else value.T


def _quantize(value: Array, weight: Array, scale: Array) -> None:
    scale[...] = np.abs(value).max(axis=1) / HIGHEST
    weight[...] = np.rint(value / np.where(scale == 0, 1, scale)[:, None])


def _flat(shapes: dict[str, tuple[int, ...]], dtype: Any) -> tuple[Array, dict[str, Array]]:
    """Allocate a flat array, and a view of it per shape; each starts at a cache line."""
    step = LINE_BYTES // np.dtype(dtype).itemsize
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    flat = aligned_zeros(sum(-(-size // step) * step for size in sizes.values()), dtype)
    views, start = {}, 0
    for name, shape in shapes.items():
        views[name] = flat[start : start + sizes[name]].reshape(shape)
        start += -(-sizes[name] // step) * step
    return flat, views
