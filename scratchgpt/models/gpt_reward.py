"""GPT as a reward model: one score for each answer (Ouyang et al. 2022, arXiv:2203.02155)."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers import Head, HeadSaved, Parameter
from scratchgpt.layers.parameters import normal
from scratchgpt.models.backbone import Backbone, BackboneSaved
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.description import Description
from scratchgpt.models.gpt import GPT
from scratchgpt.models.gpt_cost import describe_body
from scratchgpt.models.model import Model
from scratchgpt.ops.last_pool import LastPoolSaved, last_pool_backward, last_pool_forward


@dataclass(frozen=True)
class GPTRewardConfig(GPTConfig):
    """Sizes and form of a GPT that scores answers; the fields are those of GPTConfig."""

    kind = "GPT reward model"
    task = "scores answers"
    verb = "eval"


class GPTRewardSaved(NamedTuple):
    transformer: BackboneSaved
    pool: LastPoolSaved
    score: HeadSaved


class GPTReward(Model[GPTRewardSaved]):
    r"""The body of a GPT with a linear score of the state at the last token, :math:`r = w^\top x`.

    A constant would cancel in every difference, so there is none.

    Parameters
    ----------
    config : GPTRewardConfig
    seed, dtype
        As in :class:`GPT`. The weights of the score have the standard deviation
        :math:`1 / \sqrt{C + 1}` (Stiennon et al. 2020, arXiv:2009.01325).

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.models import GPTReward, GPTRewardConfig
    >>> config = GPTRewardConfig(n_layer=2, n_head=2, n_embd=8, block_size=16, vocab_size=11)
    >>> scores, saved = GPTReward(config).forward(np.arange(10).reshape(2, 5), np.array([5, 3]))
    >>> scores.shape
    (2,)
    """

    config: GPTRewardConfig

    def __init__(
        self, config: GPTRewardConfig, *, seed: int | None = 0, dtype: Any = np.float32
    ) -> None:
        self.config = config
        self.transformer = Backbone(config)
        self.score = Head(Parameter((1, config.n_embd), normal(1 / math.sqrt(config.n_embd + 1))))
        self.initialize(seed, dtype)

    @classmethod
    def from_gpt(cls, gpt: GPT, seed: int = 0) -> "GPTReward":
        """Make a reward model with the weights of a language model and a random score."""
        model = cls(GPTRewardConfig(**gpt.config.as_dict()), seed=seed, dtype=gpt.dtype)
        model.special_ids = gpt.special_ids
        for name, value in model.arrays().items():
            if not name.startswith("score."):
                value[...] = gpt.store.named[name].value
        return model

    def forward(
        self,
        tokens: Array,
        lengths: Array,
        *,
        dropout_seed: int | None = None,
        recompute: bool = False,
    ) -> tuple[Array, GPTRewardSaved]:
        """Score texts at their last token, found by their length.

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
        scores : array (B,)
        saved : GPTRewardSaved

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
        last, pool = last_pool_forward(x, lengths)  # (B, C)
        scores, score = self.score.forward(last)  # (B, 1)
        return scores[:, 0], GPTRewardSaved(transformer, pool, score)

    def backward(self, dscores: Array, saved: GPTRewardSaved) -> None:
        """Add the gradients of all parameters, for upstream gradients dscores (B,)."""
        dlast = self.score.backward(dscores[:, None], saved.score)
        self.transformer.backward(last_pool_backward(dlast, saved.pool), saved.transformer)


def describe_gpt_reward(config: GPTRewardConfig, n_batch: int, itemsize: int) -> Description:
    """Count the cost of a reward model; see :func:`scratchgpt.models.describe`."""
    return describe_body(config, n_batch, itemsize, config.n_embd)
