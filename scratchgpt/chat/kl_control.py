"""The strength of the penalty that keeps a policy near its reference."""

import math

from scratchgpt.errors import UserError

_LARGEST_ERROR = 0.2  # Ziegler et al. 2019, section 2.2


class KLControl:
    r"""A constant factor of the KL penalty, or one that adapts to a target divergence.

    The adaptive controller of Ziegler et al. 2019, arXiv:1909.08593, section 2.2, after each batch
    of n answers with a mean divergence KL per answer:

    .. math::
        \beta \leftarrow \beta\,\Bigl(1 + \mathrm{clip}\bigl(\tfrac{\mathrm{KL}}{\mathrm{target}}
        - 1,\; -0.2,\; 0.2\bigr)\,\tfrac{n}{\mathrm{horizon}}\Bigr)

    Parameters
    ----------
    beta : float
        The factor, or its first value.
    target : float
        Divergence per answer, in nats; 0 keeps ``beta`` constant.
    horizon : float
        Number of answers over which the factor changes by up to 20 %; 10,000 in
        lm-human-preferences.

    Raises
    ------
    UserError
        If a number is out of range.

    Examples
    --------
    >>> control = KLControl(0.1, target=6)
    >>> control.update(kl=12, n_answers=1000)
    >>> round(control.beta, 6)
    0.102
    """

    def __init__(self, beta: float, *, target: float = 0.0, horizon: float = 10_000) -> None:
        check_kl_control(beta, target, horizon)
        self.beta = float(beta)
        self.target = target
        self.horizon = horizon

    def update(self, kl: float, n_answers: int) -> None:
        """Change the factor after ``n_answers`` answers with the mean divergence ``kl``."""
        if self.target:
            error = min(max(kl / self.target - 1, -_LARGEST_ERROR), _LARGEST_ERROR)
            self.beta *= 1 + error * n_answers / self.horizon


def check_kl_control(beta: float, target: float, horizon: float) -> None:
    """Check the settings of the penalty.

    Raises
    ------
    UserError
        If a number is out of range.
    """
    if not (beta >= 0 and math.isfinite(beta)):
        raise UserError(f"beta={beta} must be at least 0")
    if not (target >= 0 and math.isfinite(target)):
        raise UserError(f"kl_target={target} must be at least 0; 0 keeps beta constant")
    if target and not beta:
        raise UserError(f"kl_target={target} needs a beta above 0 to start from, for example 0.15")
    if not (horizon >= 1 and math.isfinite(horizon)):
        raise UserError(f"kl_horizon={horizon} must be at least 1, for example 10000")
