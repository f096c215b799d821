"""From logits to the next token: what each option keeps, in the order in which they apply.

Order and meaning are those of the logits processors in Hugging Face transformers: repetition
penalty, temperature, top_k, top_p, min_p. Each function takes logits (..., V) and returns new
ones; a token that is out has -inf. A token with the highest logit always stays.
"""

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.ops.softmax import softmax_forward


@dataclass(frozen=True)
class SamplingConfig:
    """How the next token is drawn. The defaults draw from the model's own distribution.

    Parameters
    ----------
    temperature : float
        Divides the logits: below 1 is bolder, above 1 more varied; 0 is greedy, always the token
        with the highest logit.
    top_k : int, optional
        Draw from the k most probable tokens only.
    top_p : float
        Draw from the fewest tokens whose probabilities sum to this; 1 keeps all.
    min_p : float
        Draw from the tokens with at least this share of the highest probability; 0 keeps all.
    repetition_penalty : float
        Above 1 makes tokens that occur in the prompt or were generated less probable.

    Raises
    ------
    UserError
        If a value is out of range; says which.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        _check("temperature", self.temperature, "0 (greedy) or more", low=0)
        _check("top_p", self.top_p, "from 0 to 1 (1 keeps all tokens)", low=0, high=1)
        _check("min_p", self.min_p, "from 0 to 1 (0 keeps all tokens)", low=0, high=1)
        _check("repetition_penalty", self.repetition_penalty, "more than 0 (1 is none)", above=0)
        k = self.top_k
        if k is not None and (isinstance(k, bool) or not isinstance(k, int) or k < 1):
            raise UserError(
                f"top_k={k!r} must be a whole number of at least 1; leave it out to keep all tokens"
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
    in_range = (
        isinstance(value, Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and low <= value <= high
        and value > above
    )
    if not in_range:
        raise UserError(f"{name}={value!r} must be a number, {allowed}")


def apply_repetition_penalty(logits: Array, seen: Array, penalty: float) -> Array:
    """Make tokens that have occurred less probable (Keskar et al. 2019, arXiv:1909.05858, 4.1).

    Parameters
    ----------
    logits : array (..., V)
    seen : bool array (..., V)
        Which tokens occur in the text so far.
    penalty : float
        Divides a positive logit and multiplies a negative one, so that above 1 it lowers both.
    """
    penalised = np.where(logits < 0, logits * penalty, logits / penalty)
    return np.where(seen, penalised, logits)


def apply_temperature(logits: Array, temperature: float) -> Array:
    """``logits / temperature``, shifted so that the highest is 0.

    The shift changes no probability; without it a very low temperature would overflow.
    """
    with np.errstate(over="ignore"):  # what is so far below the highest has probability 0
        return (logits - logits.max(axis=-1, keepdims=True)) / temperature


def keep_top_k(logits: Array, k: int) -> Array:
    """Keep the k highest logits (Fan et al. 2018, arXiv:1805.04833), and those equal to the last.

    A k above V keeps all.
    """
    n_vocab = logits.shape[-1]
    if k >= n_vocab:
        return logits
    lowest = np.partition(logits, n_vocab - k, axis=-1)[..., n_vocab - k, None]  # (..., 1)
    return np.where(logits < lowest, -np.inf, logits)


def keep_top_p(logits: Array, p: float) -> Array:
    """Keep the nucleus: the fewest tokens whose probabilities sum to at least p.

    Holtzman et al. 2019, arXiv:1904.09751. As in transformers, the tokens are sorted upwards by a
    stable sort and taken out from the bottom while what is out sums to at most 1 - p; so of equal
    logits at the edge those with the highest ids stay.
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
    """The distribution that the next token is drawn from.

    Parameters
    ----------
    logits : array (..., V)
        Finite, in any precision; the arithmetic is in float64.
    sampling : SamplingConfig
    seen : bool array (..., V), optional
        Which tokens occur in the text so far; needed where there is a repetition penalty.

    Returns
    -------
    p : float64 array (..., V)
        Where sampling is greedy, 1 for one token (of equals, the one with the lowest id).
    """
    logits = logits.astype(np.float64)
    if sampling.repetition_penalty != 1:
        if seen is None:
            raise ValueError("repetition_penalty needs to know which tokens were seen")
        logits = apply_repetition_penalty(logits, seen, sampling.repetition_penalty)
    if sampling.greedy:
        p = np.zeros_like(logits)
        np.put_along_axis(p, logits.argmax(axis=-1)[..., None], 1.0, axis=-1)
        return p
    logits = apply_temperature(logits, sampling.temperature)
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p < 1:
        logits = keep_top_p(logits, sampling.top_p)
    if sampling.min_p > 0:
        logits = keep_min_p(logits, sampling.min_p)
    return softmax_forward(logits)[0]


def draw(p: Array, uniform: Array) -> Array:
    """One token from each distribution, by the inverse of its cumulative distribution.

    Parameters
    ----------
    p : float64 array (..., V)
    uniform : float64 array (...)
        Numbers in [0, 1).

    Returns
    -------
    tokens : integer array (...)
        Never one with probability 0.
    """
    cumulative = p.cumsum(axis=-1)  # (..., V)
    # Rounding leaves the last sum beside 1; scaled to it, the search cannot run off the end.
    target = uniform * cumulative[..., -1]
    return (cumulative <= target[..., None]).sum(axis=-1)
