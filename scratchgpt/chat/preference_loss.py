r"""Losses of preferences, as functions of a difference of two answers.

Each loss belongs to the model of Bradley and Terry: answer w is preferred to answer l with
probability :math:`\sigma(r_w - r_l)`. Everything also works with complex numbers, so that a complex
step can check the derivative.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean

DPO_LOSSES = ("sigmoid", "conservative", "robust", "ipo", "ipo_mean")


class DPOLossSaved(NamedTuple):
    delta: Array  # (P,)
    weights: Array  # (P,) sum to 1
    kind: str
    beta: float
    noise: float


def dpo_loss_forward(
    delta: Array, weights: Array, *, kind: str = "sigmoid", beta: float = 0.1, noise: float = 0.0
) -> tuple[Any, DPOLossSaved]:
    r"""Weighted mean of a loss of direct preference optimization.

    With :math:`\Delta = \log\frac{\pi(y_w)}{\pi_\mathrm{ref}(y_w)} -
    \log\frac{\pi(y_l)}{\pi_\mathrm{ref}(y_l)}`:

    .. math::
        \text{sigmoid:} &\quad -\log\sigma(\beta\Delta) \\
        \text{conservative:} &\quad
            -(1-\epsilon)\log\sigma(\beta\Delta) - \epsilon\log\sigma(-\beta\Delta) \\
        \text{robust:} &\quad \frac{-(1-\epsilon)\log\sigma(\beta\Delta)
            + \epsilon\log\sigma(-\beta\Delta)}{1 - 2\epsilon} \\
        \text{ipo, ipo\_mean:} &\quad \left(\Delta - \tfrac{1}{2\beta}\right)^2

    Sigmoid is equation 7 of Rafailov et al. 2023, arXiv:2305.18290; conservative is Mitchell 2023,
    "A note on DPO with noisy preferences"; robust is Chowdhury et al. 2024,
    arXiv:2403.00409; ipo is equation 17 of Azar et al. 2023, arXiv:2310.12036. ipo_mean is ipo for
    mean log-probabilities per token, as TRL has it; the difference is in ``delta``.

    Parameters
    ----------
    delta : array (P,)
    weights : array (P,)
        The share of each pair in the loss.
    kind : {"sigmoid", "conservative", "robust", "ipo", "ipo_mean"}
    beta : float
        Strength of the constraint that keeps the policy near the reference.
    noise : float
        Probability that a preference is wrong, from 0 to below 0.5: :math:`\epsilon`.

    Returns
    -------
    loss : scalar
    saved : DPOLossSaved
    """
    saved = DPOLossSaved(delta, weights, kind, beta, noise)
    if kind in ("ipo", "ipo_mean"):
        losses = (delta - 1 / (2 * beta)) ** 2
    else:
        right, wrong = _shares(kind, noise)
        losses = right * softplus(-beta * delta)
        if wrong:
            losses = losses + wrong * softplus(beta * delta)
    return (weights * losses).sum(), saved


def dpo_loss_backward(dloss: Any, saved: DPOLossSaved) -> Array:
    r"""Gradient of :func:`dpo_loss_forward` with respect to ``delta``.

    The derivative of :math:`-\log\sigma(x)` is :math:`-\sigma(-x)`.

    Parameters
    ----------
    dloss : scalar
    saved : DPOLossSaved

    Returns
    -------
    ddelta : array (P,)
    """
    delta, weights, kind, beta, noise = saved
    if kind in ("ipo", "ipo_mean"):
        return dloss * weights * 2 * (delta - 1 / (2 * beta))
    right, wrong = _shares(kind, noise)
    slope = -right * sigmoid(-beta * delta)
    if wrong:
        slope = slope + wrong * sigmoid(beta * delta)
    return dloss * weights * beta * slope


class RewardLossSaved(NamedTuple):
    winners: Array  # (P,) scores
    losers: Array  # (P,) scores
    margins: Array  # (P,)
    weights: Array  # (P,) sum to 1
    centering: float


def reward_loss_forward(
    winners: Array, losers: Array, margins: Array, weights: Array, *, centering: float = 0.0
) -> tuple[Any, RewardLossSaved]:
    r"""Weighted mean of the pairwise loss of a reward model.

    .. math:: \ell = -\log\sigma(r_w - r_l - m) + c\,(r_w + r_l)^2

    Equation 1 of Ouyang et al. 2022, arXiv:2203.02155. The margin m is that of Touvron et al. 2023,
    arXiv:2307.09288, equation 2. Only differences of scores matter without the last term, which
    pulls their mean to 0 (Eisenstein et al. 2023, arXiv:2312.09244).

    Parameters
    ----------
    winners, losers : arrays (P,)
        Scores of the preferred answer and of the other.
    margins : array (P,)
    weights : array (P,)
        The share of each pair in the loss.
    centering : float
        The factor c.

    Returns
    -------
    loss : scalar
    saved : RewardLossSaved
    """
    losses = softplus(-(winners - losers - margins))
    if centering:
        losses = losses + centering * (winners + losers) ** 2
    saved = RewardLossSaved(winners, losers, margins, weights, centering)
    return (weights * losses).sum(), saved


def reward_loss_backward(dloss: Any, saved: RewardLossSaved) -> tuple[Array, Array]:
    r"""Gradients of :func:`reward_loss_forward` with respect to the scores.

    .. math::
        dr_w = -w\,\sigma(-(r_w - r_l - m)) + 2\,w\,c\,(r_w + r_l) \qquad
        dr_l = +w\,\sigma(-(r_w - r_l - m)) + 2\,w\,c\,(r_w + r_l)

    Parameters
    ----------
    dloss : scalar
    saved : RewardLossSaved

    Returns
    -------
    dwinners, dlosers : arrays (P,)
    """
    winners, losers, margins, weights, centering = saved
    pull = dloss * weights * sigmoid(-(winners - losers - margins))
    center = dloss * weights * 2 * centering * (winners + losers)
    return center - pull, center + pull


def softplus(x: Array) -> Array:
    r"""Compute :math:`\log(1 + e^x) = -\log\sigma(-x)` without overflow."""
    is_positive = x.real > 0
    tail = np.log1p(np.exp(np.where(is_positive, -x, x)))
    return np.where(is_positive, x, 0) + tail


def sigmoid(x: Array) -> Array:
    r"""Compute :math:`\sigma(x) = 1 / (1 + e^{-x})` without overflow."""
    is_positive = x.real > 0
    small = np.exp(np.where(is_positive, -x, x))
    return np.where(is_positive, 1, small) / (1 + small)


def check_dpo_loss(kind: str, beta: float, noise: float) -> None:
    """Check the settings of a loss of direct preference optimization.

    Raises
    ------
    UserError
        If there is no such loss, or a number is out of range or has no effect.
    """
    if kind not in DPO_LOSSES:
        hint = did_you_mean(str(kind), DPO_LOSSES)
        raise UserError(f"loss={kind!r} is not one of {', '.join(DPO_LOSSES)}{hint}")
    if not (beta > 0 and math.isfinite(beta)):
        raise UserError(f"beta={beta} must be greater than 0")
    if not 0 <= noise < 0.5:
        raise UserError(f"noise={noise} must be at least 0 and below 0.5")
    if kind in ("conservative", "robust") and not noise:
        raise UserError(
            f"loss={kind!r} with noise=0 is the loss sigmoid; set noise, for example 0.1"
        )
    if kind not in ("conservative", "robust") and noise:
        raise UserError(
            f"noise={noise} has no effect with loss={kind!r}; choose loss=conservative or robust"
        )


def _shares(kind: str, noise: float) -> tuple[float, float]:
    """Return the factors of the losses of the preference and of its reverse."""
    if kind == "robust":
        return (1 - noise) / (1 - 2 * noise), -noise / (1 - 2 * noise)
    return 1 - noise, noise  # sigmoid has no noise
