"""Sampling of the next token from logits: the options, in the order in which they apply.

Order and meaning follow the logits processors in Hugging Face transformers: repetition penalty,
temperature, top_k, top_p, min_p. Each function takes logits (..., V) and returns new logits, in
which removed tokens are -inf. A token with the highest logit is never removed.
"""

import math
from dataclasses import dataclass

import numpy as np

from scratchgpt.arguments import plain_fields, real_number, whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.ops.softmax import softmax_forward


@dataclass(frozen=True)
class SamplingConfig:
    """Sampling options. The defaults sample from the unmodified distribution of the model.

    Parameters
    ----------
    temperature : float
        Divides the logits. Lower is more deterministic, higher more random; 0 is greedy and always
        takes the token with the highest logit.
    top_k : int, optional
        Sample only from the k most probable tokens.
    top_p : float
        Sample from the smallest set of most probable tokens whose probabilities sum to at least
        ``top_p``; 1 keeps all tokens.
    min_p : float
        Sample from the tokens with at least this fraction of the highest probability; 0 keeps all
        tokens.
    repetition_penalty : float
        Values above 1 make tokens less probable that occur in the prompt or the generated text.

    Raises
    ------
    UserError
        If a value is out of range. The message names the option.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        plain_fields(self)
        _check("temperature", self.temperature, "0 (greedy) or more", low=0)
        _check("top_p", self.top_p, "from 0 to 1 (1 keeps all tokens)", low=0, high=1)
        _check("min_p", self.min_p, "from 0 to 1 (0 keeps all tokens)", low=0, high=1)
        _check(
            "repetition_penalty", self.repetition_penalty, "more than 0 (1 disables it)", above=0
        )
        if self.top_k is not None and (whole_number(self.top_k) or 0) < 1:
            raise UserError(
                f"top_k={self.top_k!r} must be a whole number of at least 1; "
                "leave it out to keep all tokens"
            )

    @property
    def greedy(self) -> bool:
        return self.temperature == 0


def _check(
    name: str,
    value: float,
    allowed: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
) -> None:
    number = real_number(value)
    in_range = (
        number is not None and math.isfinite(number) and low <= number <= high and number > above
    )
    if not in_range:
        raise UserError(f"{name}={value!r} must be a number, {allowed}")


def apply_repetition_penalty(logits: Array, seen: Array, penalty: float) -> Array:
    """Make seen tokens less probable (Keskar et al. 2019, arXiv:1909.05858, section 4.1).

    Parameters
    ----------
    logits : array (..., V)
    seen : bool array (..., V)
        Which tokens occur in the text so far.
    penalty : float
        Divides positive logits and multiplies negative ones, so a penalty above 1 lowers both.
    """
    with np.errstate(over="ignore"):  # an extreme penalty gives the highest or lowest number
        penalized = np.where(logits < 0, logits * penalty, logits / penalty)
    limit = np.finfo(logits.dtype).max
    penalized = penalized.clip(-limit, limit)
    return np.where(seen, penalized, logits)


def apply_temperature(logits: Array, temperature: float) -> Array:
    """Return ``logits / temperature``, shifted so that the highest logit is 0.

    The shift does not change the probabilities. Without it a very low temperature would overflow.
    """
    with np.errstate(over="ignore"):  # a logit that overflows has probability 0
        return (logits - logits.max(axis=-1, keepdims=True)) / temperature


def keep_top_k(logits: Array, k: int) -> Array:
    """Keep the k highest logits, and all logits equal to the k-th highest.

    Fan et al. 2018, arXiv:1805.04833. A k above V keeps all logits.
    """
    n_vocab = logits.shape[-1]
    if k >= n_vocab:
        return logits
    lowest = np.partition(logits, n_vocab - k, axis=-1)[..., n_vocab - k, None]  # (..., 1)
    return np.where(logits < lowest, -np.inf, logits)


def keep_top_p(logits: Array, p: float) -> Array:
    """Keep the nucleus: the smallest set of tokens whose probabilities sum to at least p.

    Holtzman et al. 2019, arXiv:1904.09751. As in transformers, a stable sort puts the tokens in
    ascending order. Tokens are removed from the bottom while the removed probabilities sum to at
    most 1 - p. Among equal logits at the boundary, the tokens with the highest ids are kept.
    """
    order = np.argsort(logits, axis=-1, kind="stable")
    ascending, _ = softmax_forward(np.take_along_axis(logits, order, axis=-1))
    out_in_order = ascending.cumsum(axis=-1) <= 1 - p
    out_in_order[..., -1] = False
    out = np.empty_like(out_in_order)
    np.put_along_axis(out, order, out_in_order, axis=-1)
    return np.where(out, -np.inf, logits)


def keep_min_p(logits: Array, p: float) -> Array:
    """Keep the tokens whose probability is at least p times the highest.

    Nguyen et al. 2024, arXiv:2407.01082.
    """
    probabilities, _ = softmax_forward(logits)
    out = probabilities < p * probabilities.max(axis=-1, keepdims=True)
    return np.where(out, -np.inf, logits)


def probabilities(logits: Array, sampling: SamplingConfig, seen: Array | None = None) -> Array:
    """Return the distribution from which the next token is sampled.

    Parameters
    ----------
    logits : array (..., V)
        Finite, in any precision; the computation is in float64.
    sampling : SamplingConfig
    seen : bool array (..., V), optional
        Which tokens occur in the text so far; required with a repetition penalty.

    Returns
    -------
    p : float64 array (..., V)
        With greedy sampling, 1 for the most probable token (the lowest id among equals).
    """
    logits = logits.astype(np.float64)
    if sampling.repetition_penalty != 1:
        if seen is None:
            raise ValueError("repetition_penalty needs the argument seen; pass the seen tokens")
        logits = apply_repetition_penalty(logits, seen, sampling.repetition_penalty)
    if sampling.greedy:
        p = np.zeros_like(logits)
        np.put_along_axis(p, logits.argmax(axis=-1)[..., None], 1.0, axis=-1)
        return p
    if sampling.temperature != 1:
        logits = apply_temperature(logits, sampling.temperature)
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p < 1:
        logits = keep_top_p(logits, sampling.top_p)
    if sampling.min_p > 0:
        logits = keep_min_p(logits, sampling.min_p)
    return softmax_forward(logits)[0]


def draw(p: Array, uniform: Array) -> Array:
    """Sample one token from each distribution by inverse transform sampling.

    Parameters
    ----------
    p : float64 array (..., V)
    uniform : float64 array (...)
        Uniform random numbers in [0, 1).

    Returns
    -------
    tokens : integer array (...)
        Never tokens with probability 0.
    """
    cumulative = p.cumsum(axis=-1)  # (..., V)
    # Rounding makes the last sum differ from 1; scaling by it keeps the search within the range.
    target = uniform * cumulative[..., -1]
    return (cumulative <= target[..., None]).sum(axis=-1)
