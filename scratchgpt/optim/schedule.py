"""Learning rates as pure functions of the step, counted from 0.

Nothing is remembered from step to step, so a resumed run sees the rates of an unbroken one. The
formulas are nanoGPT's.
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
