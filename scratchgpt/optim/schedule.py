"""Learning rates as pure functions of the step, counted from 0.

Nothing is remembered from step to step, so a resumed run sees the rates of an unbroken one. The
formulas are nanoGPT's and, for the inverse square root, those of the Transformer.
"""

import math


def warmup_constant(step: int, *, lr: float, warmup_steps: int) -> float:
    """Rise linearly for ``warmup_steps`` steps, then stay at ``lr``."""
    if step < warmup_steps:
        return lr * (step + 1) / (warmup_steps + 1)
    return lr


def warmup_cosine(
    step: int, *, lr: float, min_lr: float, warmup_steps: int, decay_steps: int
) -> float:
    """Rise linearly, then fall along half a cosine (Loshchilov and Hutter 2016, arXiv:1608.03983).

    Parameters
    ----------
    step : int
        How many updates have been made.
    lr, min_lr : float
        The highest rate, and the one that is reached at the end.
    warmup_steps : int
    decay_steps : int
        From this step on it is ``min_lr``; the warm-up is part of it.
    """
    if step < warmup_steps:
        return warmup_constant(step, lr=lr, warmup_steps=warmup_steps)
    if step >= decay_steps:
        return min_lr
    progress = (step - warmup_steps) / (decay_steps - warmup_steps)  # 0 to 1
    return min_lr + 0.5 * (1 + math.cos(math.pi * progress)) * (lr - min_lr)


def warmup_inverse_sqrt(step: int, *, lr: float, warmup_steps: int) -> float:
    r"""Rise linearly, then fall with the square root of the number of steps.

    Vaswani et al. 2017, "Attention is all you need" (arXiv:1706.03762), equation 3. With its
    :math:`s`, which counts from 1,

    .. math:: d_{model}^{-1/2} \, \min(s^{-1/2}, s \, w^{-3/2})
              = \eta \, \min\bigl((w/s)^{1/2}, s/w\bigr),
              \qquad \eta = (d_{model} \, w)^{-1/2}

    so that the highest rate is reached at :math:`s = w`. Here :math:`\eta` is a setting of its own:
    7e-4 is the paper's, of 512 channels and 4000 steps.

    Parameters
    ----------
    step : int
        How many updates have been made, :math:`s - 1`.
    lr : float
        The highest rate, :math:`\eta`.
    warmup_steps : int
        :math:`w`; without a warm-up (0) the first rate is the highest.
    """
    s, w = step + 1, max(warmup_steps, 1)
    return lr * min(math.sqrt(w / s), s / w)
