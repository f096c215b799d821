"""The order in which models are tried: the stepwise search of R's package forecast, or a grid."""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Candidate(NamedTuple):
    """The orders and the constant of a candidate model; the differences are fixed."""

    p: int
    q: int
    P: int
    Q: int
    constant: bool  # a mean, or after one difference a drift

    def moved(self, p: int = 0, q: int = 0, P: int = 0, Q: int = 0) -> "Candidate":
        """Return the model with these numbers added to its orders."""
        return Candidate(self.p + p, self.q + q, self.P + P, self.Q + Q, self.constant)


class Limits(NamedTuple):
    """The maximum of each order."""

    p: int
    q: int
    P: int
    Q: int

    def allow(self, candidate: Candidate) -> bool:
        """Whether all orders are non-negative and within their limits."""
        return all(0 <= order <= most for order, most in zip(candidate[:4], self, strict=True))


# In the order of trying: change one order, then both in the same or in opposite directions.
_STEPS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
MOVES = (*((0, 0, *step) for step in _STEPS), *((*step, 0, 0) for step in _STEPS))


def stepwise(
    evaluate: Callable[[Candidate, bool], float],
    start: Candidate,
    limits: Limits,
    *,
    constant: bool,
    n_models: int,
) -> None:
    """Move to a better neighboring model until there is none.

    The search is that of Hyndman and Khandakar 2008, section 3.2.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(candidate, is_neighbor) -> criterion``; smaller is better. ``is_neighbor`` says
        whether the candidate is a neighbor of the best model so far.
    start : Candidate
        The first of up to five initial models. The search continues from the best of them.
    limits : Limits
    constant : bool
        Whether to try models with a constant.
    n_models : int
        The maximum number of models to try.
    """
    tried: dict[Candidate, float] = {}

    def is_better(candidate: Candidate, is_neighbor: bool = False) -> bool:
        least = min(tried.values(), default=float("inf"))
        tried[candidate] = evaluate(candidate, is_neighbor)
        return tried[candidate] < least

    current = start
    ar, ma = min(limits.p, 1), min(limits.q, 1)
    seasonal_ar, seasonal_ma = min(limits.P, 1), min(limits.Q, 1)
    beginnings = [start, Candidate(0, 0, 0, 0, constant)]
    beginnings.append(Candidate(ar, 0, seasonal_ar, 0, constant))
    beginnings.append(Candidate(0, ma, 0, seasonal_ma, constant))
    for candidate in dict.fromkeys(beginnings):
        if is_better(candidate):
            current = candidate
    bare = Candidate(0, 0, 0, 0, False)
    if bare not in tried and is_better(bare):
        # As in R, the search continues from this model with a constant.
        current = Candidate(0, 0, 0, 0, constant)

    is_moving = True
    while is_moving:
        is_moving = False
        for candidate in _neighbors(current, limits, constant):
            if candidate in tried:
                continue
            if len(tried) >= n_models:
                return
            if is_better(candidate, True):
                current, is_moving = candidate, True
                break


def _neighbors(current: Candidate, limits: Limits, constant: bool) -> Iterator[Candidate]:
    yield from (each for move in MOVES if limits.allow(each := current.moved(*move)))
    if constant:
        yield current._replace(constant=not current.constant)


def grid(limits: Limits, max_order: int, *, constant: bool) -> Iterator[Candidate]:
    """Yield all models within the limits whose orders sum to at most ``max_order``."""
    for p, q, P, Q in itertools.product(*(range(most + 1) for most in limits)):
        if p + q + P + Q <= max_order:
            for with_it in (False, True)[: 1 + constant]:
                yield Candidate(p, q, P, Q, with_it)
