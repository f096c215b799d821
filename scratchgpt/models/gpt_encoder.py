"""GPT as an encoder: one vector for each text (Neelakantan et al. 2022, arXiv:2201.10005)."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.layers import Parameter
from scratchgpt.models.backbone import Backbone, BackboneSaved
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.description import Description
from scratchgpt.models.gpt import GPT
from scratchgpt.models.gpt_cost import describe_body
from scratchgpt.models.model import Model
from scratchgpt.ops.last_pool import LastPoolSaved, last_pool_backward, last_pool_forward
from scratchgpt.ops.mean_pool import MeanPoolSaved, mean_pool_backward, mean_pool_forward

POOLINGS = ("last", "mean")
FIRST_SCALE, LARGEST_SCALE = 20.0, 100.0


@dataclass(frozen=True)
class GPTEncoderConfig(GPTConfig):
    """Sizes and form of a GPT that encodes texts as vectors.

    Parameters
    ----------
    pooling : {"last", "mean"}
        The vector of a text: the state at its last token, or the mean of the states of its tokens.
        From scratch, the mean learns several times faster; the last token is for a model that
        starts from a trained GPT.
    dims : tuple of int
        Numbers of channels that a vector may be cut to (Kusupati et al. 2022, arXiv:2205.13147),
        from large to small. Training includes each of them, and always all channels.
    """

    kind = "GPT encoder"
    task = "encodes texts as vectors"
    verb = "embed"

    pooling: str = "mean"
    dims: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling not in POOLINGS:
            raise UserError(f"pooling={self.pooling!r} is not one of {', '.join(POOLINGS)}")
        values = self.dims if isinstance(self.dims, list | tuple) else (None,)
        dims = [whole_number(value) or 0 for value in values]
        below = [self.n_embd, *dims]
        if any(not 1 <= dim < above for above, dim in zip(below, dims, strict=False)):
            raise UserError(
                f"dims={self.dims!r} must be numbers of channels from large to small, each below "
                f"n_embd={self.n_embd}"
            )
        object.__setattr__(self, "dims", tuple(dims))

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "dims": list(self.dims)}  # JSON has no tuples


class GPTEncoderSaved(NamedTuple):
    transformer: BackboneSaved
    pool: MeanPoolSaved | LastPoolSaved


class GPTEncoder(Model[GPTEncoderSaved]):
    """The body of a GPT, pooled to one vector per text, with the temperature of its training.

    The vectors are not normalized: see :func:`scratchgpt.ops.unit_forward`.

    Parameters
    ----------
    config : GPTEncoderConfig
    seed, dtype
        As in :class:`GPT`.

    Attributes
    ----------
    log_scale : Parameter (1,)
        Logarithm of the factor of cosines in the contrastive loss; 20 at the start.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.models import GPTEncoder, GPTEncoderConfig
    >>> config = GPTEncoderConfig(n_layer=2, n_head=2, n_embd=8, block_size=16, vocab_size=11)
    >>> vectors, saved = GPTEncoder(config).forward(np.arange(10).reshape(2, 5), np.array([5, 3]))
    >>> vectors.shape
    (2, 8)
    """

    config: GPTEncoderConfig

    def __init__(
        self, config: GPTEncoderConfig, *, seed: int | None = 0, dtype: Any = np.float32
    ) -> None:
        self.config = config
        self.transformer = Backbone(config)
        self.log_scale = Parameter((1,), _first_scale)
        self.initialize(seed, dtype)

    @classmethod
    def from_gpt(
        cls, gpt: GPT, *, pooling: str = "last", dims: tuple[int, ...] = ()
    ) -> "GPTEncoder":
        """Make an encoder with the weights of a language model, whose head it does not need."""
        config = GPTEncoderConfig(**gpt.config.as_dict(), pooling=pooling, dims=dims)
        encoder = cls.blank(config, gpt.dtype)
        encoder.special_ids = gpt.special_ids
        for name, value in encoder.arrays().items():
            if name == "log_scale":
                value[...] = math.log(FIRST_SCALE)
            else:
                value[...] = gpt.store.named[name].value
        return encoder

    @property
    def scale(self) -> float:
        """The factor of cosines in the contrastive loss: 1 / temperature."""
        return float(np.exp(self.log_scale.value[0].real))

    def forward(
        self,
        tokens: Array,
        lengths: Array,
        *,
        dropout_seed: int | None = None,
        recompute: bool = False,
    ) -> tuple[Array, GPTEncoderSaved]:
        """Encode texts.

        Attention is causal, so the tokens of a text do not see the padding after it.

        Parameters
        ----------
        tokens : integer array (B, T)
            Any tokens after the end of a text are padding.
        lengths : integer array (B,)
            Number of tokens of each text.
        dropout_seed, recompute
            As in :meth:`GPT.forward`.

        Returns
        -------
        vectors : array (B, C)
        saved : GPTEncoderSaved

        Raises
        ------
        ValueError
            If a text is longer than block_size, has no tokens, or a token is not in the vocabulary.
        TypeError
            If tokens or lengths are not integers.
        """
        x, transformer = self.transformer.forward(
            tokens, dropout_seed=dropout_seed, recompute=recompute
        )
        pool: MeanPoolSaved | LastPoolSaved
        if self.config.pooling == "mean":
            vectors, pool = mean_pool_forward(x, lengths)
        else:
            vectors, pool = last_pool_forward(x, lengths)
        return vectors, GPTEncoderSaved(transformer, pool)

    def backward(self, dvectors: Array, saved: GPTEncoderSaved) -> None:
        """Add the gradients of all parameters, for upstream gradients dvectors (B, C)."""
        if isinstance(saved.pool, MeanPoolSaved):
            dx = mean_pool_backward(dvectors, saved.pool)
        else:
            dx = last_pool_backward(dvectors, saved.pool)
        self.transformer.backward(dx, saved.transformer)


def _first_scale(value: Array, rng: np.random.Generator) -> None:
    value[...] = math.log(FIRST_SCALE)


def describe_gpt_encoder(config: GPTEncoderConfig, n_batch: int, itemsize: int) -> Description:
    """Count the cost of a GPT encoder; see :func:`scratchgpt.models.describe`."""
    return describe_body(config, n_batch, itemsize, 1)
