"""Learning rates as pure functions of the step, counted from 0.

The functions have no state, so a resumed run uses the same learning rates as an uninterrupted run.
The formulas are nanoGPT's; for the inverse square root those of the Transformer, for the linear
decay those of GPT-1, and for the decay after a stable phase those of MiniCPM.
"""

import math

from scratchgpt.arguments import plain


def warmup_constant(step: int, *, lr: float, warmup_steps: int) -> float:
    """Increase linearly for ``warmup_steps`` steps, then stay at ``lr``."""
    step, lr, warmup_steps = plain(step), plain(lr), plain(warmup_steps)
    if step < warmup_steps:
        return lr * (step + 1) / (warmup_steps + 1)
    return lr


def warmup_cosine(
    step: int, *, lr: float, min_lr: float, warmup_steps: int, decay_steps: int
) -> float:
    """Increase linearly, then decay along half a cosine (Loshchilov and Hutter, arXiv:1608.03983).

    Parameters
    ----------
    step : int
        Number of updates so far.
    lr, min_lr : float
        The maximum learning rate, and the final one.
    warmup_steps : int
    decay_steps : int
        The rate is ``min_lr`` from this step on, counted from the start, including the warm-up.
    """
    step, lr, min_lr = plain(step), plain(lr), plain(min_lr)
    warmup_steps, decay_steps = plain(warmup_steps), plain(decay_steps)
    if step < warmup_steps:
        return warmup_constant(step, lr=lr, warmup_steps=warmup_steps)
    if step >= decay_steps:
        return min_lr
    progress = (step - warmup_steps) / (decay_steps - warmup_steps)  # 0 to 1
    return min_lr + 0.5 * (1 + math.cos(math.pi * progress)) * (lr - min_lr)


def warmup_linear(step: int, *, lr: float, warmup_steps: int, decay_steps: int) -> float:
    r"""Decay linearly to 0, after a linear warm-up: the schedule of GPT-1's fine-tuning.

    Radford et al. 2018, section 4.1. With :math:`x = step / decay\_steps`, it is
    :math:`\eta\,(1 - x)`, times the warm-up of :func:`warmup_constant`. In the published code the
    first rate is 0, so that the first update is wasted; here it is not.

    Parameters
    ----------
    step : int
        Number of updates so far.
    lr : float
        The learning rate :math:`\eta` before the decay.
    warmup_steps : int
    decay_steps : int
        The rate is 0 from this step on, counted from the start, including the warm-up.
    """
    rate = warmup_constant(step, lr=lr, warmup_steps=warmup_steps)
    return rate * max(0.0, 1 - plain(step) / plain(decay_steps))


def warmup_stable_decay(
    step: int, *, lr: float, min_lr: float, warmup_steps: int, decay_steps: int, steps: int
) -> float:
    r"""Increase linearly, stay at ``lr``, and decay linearly at the end: the WSD schedule.

    Hu et al. 2024, "MiniCPM", arXiv:2404.06395, section 4. They leave the shape of the decay
    open; the line is that of Hägele et al. 2024, arXiv:2405.18392. With :math:`T` steps, of
    which :math:`D` decay, the rate of step :math:`s \ge T - D` is

    .. math:: \eta_{min} + (\eta - \eta_{min})\,\frac{T - s}{D}

    If the decay begins during the warm-up, :math:`\eta` is the rate of the warm-up.

    Until the decay begins, the rates do not depend on the number of steps. So a run can be resumed
    from its stable phase with more steps, and has the rates of a run that was planned so long.

    Parameters
    ----------
    step : int
        Number of updates so far.
    lr, min_lr : float
        The maximum learning rate :math:`\eta`, and the final one.
    warmup_steps : int
    decay_steps : int
        Number of steps of the decay, :math:`D`.
    steps : int
        Number of all steps, :math:`T`; the rate is ``min_lr`` from this step on.
    """
    step, lr, min_lr = plain(step), plain(lr), plain(min_lr)
    decay_steps, left = plain(decay_steps), plain(steps) - step
    if left <= 0:
        return min_lr
    rate = warmup_constant(step, lr=lr, warmup_steps=warmup_steps)
    if left >= decay_steps:
        return rate
    return min_lr + (rate - min_lr) * left / decay_steps


def warmup_inverse_sqrt(step: int, *, lr: float, warmup_steps: int) -> float:
    r"""Increase linearly, then decay with the inverse square root of the number of steps.

    This is equation 3 of Vaswani et al. 2017, "Attention is all you need" (arXiv:1706.03762). With
    the paper's step number :math:`s`, which counts from 1, it is

    .. math:: d_{model}^{-1/2} \, \min(s^{-1/2}, s \, w^{-3/2})
              = \eta \, \min\bigl((w/s)^{1/2}, s/w\bigr),
              \qquad \eta = (d_{model} \, w)^{-1/2}

    so that the maximum is reached at :math:`s = w`. Here :math:`\eta` is an independent setting:
    7e-4 corresponds to the paper's 512 channels and 4000 steps.

    Parameters
    ----------
    step : int
        Number of updates so far, :math:`s - 1`.
    lr : float
        The maximum learning rate, :math:`\eta`.
    warmup_steps : int
        :math:`w`; without a warm-up (0), the first rate is the maximum.
    """
    s, w = plain(step) + 1, max(plain(warmup_steps), 1)
    return plain(lr) * min(math.sqrt(w / s), s / w)
