"""GPT with a classifier at the extract token (Radford et al. 2018, section 3.2 and 3.3)."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, to_device_of, to_host
from scratchgpt.errors import UserError
from scratchgpt.layers import Head, HeadSaved, Linear, Parameter, seed_for
from scratchgpt.layers.parameters import normal
from scratchgpt.models.backbone import Backbone, BackboneSaved
from scratchgpt.models.classifier_config import GPTClassifierConfig
from scratchgpt.models.description import Description
from scratchgpt.models.gpt import GPT
from scratchgpt.models.gpt_cost import describe_gpt, temporary_of_block
from scratchgpt.models.model import Model
from scratchgpt.ops.dropout import dropout_forward
from scratchgpt.ops.last_pool import LastPoolSaved, last_pool_backward, last_pool_forward
from scratchgpt.ops.linear import LinearSaved


class Outputs(NamedTuple):
    """What a GPT classifier computes.

    Attributes
    ----------
    logits : array (B, n)
        Of the labels; of the choices; or one score.
    next_tokens : array (N, V) or None
        Logits of the next token at each of the N positions that have one, row by row.
    """

    logits: Array
    next_tokens: Array | None


class GPTClassifierSaved(NamedTuple):
    transformer: BackboneSaved
    pool: LastPoolSaved
    factors: Array | None  # of dropout, (B, 1, C)
    classifier: LinearSaved
    places: tuple[Array, Array]  # rows and positions that have a next token, (N,) each
    lm_head: HeadSaved | None


class GPTClassifier(Model[GPTClassifierSaved]):
    """The body of a GPT with two heads: a classifier, and the head of the language model.

    An example is one or more sequences of tokens (:class:`scratchgpt.finetuning.InputRows`). The
    vector of a sequence is the state at its last token, the extract token.

    - If there are several sequences because the two texts are read in both orders, their vectors
      are added before the classifier.
    - If they are choices, the classifier has one output, which is computed for each of them.

    Dropout before the classifier has the same mask for all sequences of an example, as in the
    published code.

    Parameters
    ----------
    config : GPTClassifierConfig
    seed, dtype
        As in :class:`GPT`. The classifier starts like all weights, with standard deviation 0.02.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.models import GPTClassifier, GPTClassifierConfig
    >>> sizes = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 16, "vocab_size": 11}
    >>> model = GPTClassifier(GPTClassifierConfig(**sizes, labels=("bad", "so so", "good")))
    >>> outputs, saved = model.forward(np.arange(10).reshape(2, 1, 5), np.array([[5], [3]]))
    >>> outputs.logits.shape, outputs.next_tokens.shape
    ((2, 3), (6, 11))
    """

    config: GPTClassifierConfig

    def __init__(
        self, config: GPTClassifierConfig, *, seed: int | None = 0, dtype: Any = np.float32
    ) -> None:
        if not config.is_score and len(config.labels) < 2:
            raise UserError(f"labels={list(config.labels)}: {config.problem} needs 2 or more")
        self.config = config
        self.transformer = Backbone(config)
        if config.tied_head:
            table = self.transformer.wte.weight
        else:
            table = Parameter((config.vocab_size, config.n_embd), normal(0.02))
        self.lm_head = Head(table, soft_cap=config.logit_soft_cap)
        self.classifier = Linear(config.n_embd, config.n_outputs, columns=())
        self.initialize(seed, dtype)

    @classmethod
    def from_gpt(
        cls, gpt: "GPT | GPTClassifier", config: GPTClassifierConfig, seed: int = 0
    ) -> "GPTClassifier":
        """Make a classifier with the weights of a model.

        Parameters
        ----------
        gpt : GPT or GPTClassifier
            Of a GPT, the classifier takes everything, and the rows of its three tokens and the
            classifier are random. A classifier is taken with its tokens; its own classifier is
            kept if it is for the same labels.
        config : GPTClassifierConfig
            With the sizes of the model. ``vocab_size`` has three more tokens than that of a GPT.
            ``block_size`` may be smaller.
        seed : int
            Of the new parameters.
        """
        model = cls(config, seed=seed, dtype=gpt.dtype)
        model.special_ids = gpt.special_ids
        same = isinstance(gpt, GPTClassifier) and (gpt.config.problem, gpt.config.labels) == (
            config.problem,
            config.labels,
        )
        arrays = model.arrays()
        for name, value in gpt.arrays().items():
            if same or not name.startswith("classifier."):
                n = min(len(value), len(arrays[name]))  # rows of a table
                arrays[name][:n] = value[:n]
        return model

    def forward(
        self,
        tokens: Array,
        lengths: Array,
        *,
        language_model: bool = True,
        dropout_seed: int | None = None,
        recompute: bool = False,
    ) -> tuple[Outputs, GPTClassifierSaved]:
        """Compute the logits of examples, and those of the next tokens.

        Parameters
        ----------
        tokens : integer array (B, K, T)
            K sequences for each example; any tokens after the end of a sequence are padding.
        lengths : integer array (B, K)
            Number of tokens of each sequence, with the extract token at its end.
        language_model : bool
            Whether to compute the logits of the next tokens.
        dropout_seed, recompute
            As in :meth:`GPT.forward`.

        Returns
        -------
        outputs : Outputs
        saved : GPTClassifierSaved
        """
        n_batch, n_rows, n_time = tokens.shape
        flat, ends = tokens.reshape(-1, n_time), lengths.reshape(-1)  # (R, T), (R,)
        x, transformer = self.transformer.forward(
            flat, dropout_seed=dropout_seed, recompute=recompute
        )  # (R, T, C) 1
        h, pool = last_pool_forward(x, ends)  # (R, C) 2
        h = h.reshape(n_batch, n_rows, -1)  # (B, K, C)
        factors = self._dropout_factors(h, dropout_seed)
        if factors is not None:
            h = h * factors  # 3
        if not self.config.is_choice:
            h = h.sum(axis=1)  # (B, C) 4
        logits, classifier = self.classifier.forward(h)  # 5
        is_before_end = np.arange(n_time) < to_host(ends)[:, None] - 1  # on the host
        rows, positions = (to_device_of(x, i) for i in np.nonzero(is_before_end))
        places = rows, positions
        next_tokens, lm_head = None, None
        if language_model:
            next_tokens, lm_head = self.lm_head.forward(x[places])  # (N, V) 6
        saved = GPTClassifierSaved(transformer, pool, factors, classifier, places, lm_head)
        return Outputs(logits.reshape(n_batch, -1), next_tokens), saved

    def backward(self, doutputs: Outputs, saved: GPTClassifierSaved) -> None:  # type: ignore[override]
        """Add the gradients of all parameters, for the upstream gradients of the outputs."""
        dlogits, dnext_tokens = doutputs
        n_batch, n_channels = len(dlogits), self.config.n_embd
        n_rows = len(saved.pool.lengths) // n_batch
        if self.config.is_choice:
            dlogits = dlogits[..., None]  # (B, K, 1)
        dh = self.classifier.backward(dlogits, saved.classifier)  # undoes 5
        if not self.config.is_choice:
            dh = np.broadcast_to(dh[:, None], (n_batch, n_rows, n_channels))  # 4
        if saved.factors is not None:
            dh = dh * saved.factors  # 3
        dx = last_pool_backward(dh.reshape(-1, n_channels), saved.pool)  # (R, T, C) 2
        if dnext_tokens is not None and saved.lm_head is not None:
            dx[saved.places] += self.lm_head.backward(dnext_tokens, saved.lm_head)  # 6
        self.transformer.backward(dx, saved.transformer)  # 1

    def _dropout_factors(self, h: Array, dropout_seed: int | None) -> Array | None:
        """Return what dropout multiplies the vectors h (B, K, C) with, or None: (B, 1, C)."""
        seed = seed_for(dropout_seed, "classifier")
        p = self.config.classifier_dropout
        if seed is None or p == 0:
            return None
        return dropout_forward(np.ones_like(h[:, :1]), p, seed)[0]


def describe_gpt_classifier(
    config: GPTClassifierConfig, n_batch: int, itemsize: int
) -> Description:
    """Count the cost of a GPT classifier; see :func:`scratchgpt.models.describe`."""
    whole = describe_gpt(config, n_batch, itemsize)
    n_head = (config.n_embd + 1) * config.n_outputs
    # All logits of the language model, twice if they are capped, and the logarithms of their sums.
    per_token = config.vocab_size * (1 if config.logit_soft_cap is None else 2) + 1
    n_logits = n_batch * config.block_size * per_token * (config.lm_weight > 0)
    return replace(
        whole,
        activation_bytes=whole.activation_bytes + itemsize * n_logits,
        recompute_activation_bytes=whole.recompute_activation_bytes + itemsize * n_logits,
        temporary_bytes=temporary_of_block(config, n_batch, itemsize),
        n_parameters=whole.n_parameters + n_head,
        parameter_bytes=whole.parameter_bytes + itemsize * n_head,
        optimizer_bytes=whole.optimizer_bytes + 3 * itemsize * n_head,
        cache_bytes=0,
    )
