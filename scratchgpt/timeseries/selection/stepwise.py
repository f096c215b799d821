"""Which models to try, and in what order: step by step as R's forecast does it, or all."""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Candidate(NamedTuple):
    """A model of a series whose differences are decided."""

    p: int
    q: int
    P: int
    Q: int
    constant: bool  # a mean, or after one difference a drift

    def moved(self, p: int = 0, q: int = 0, P: int = 0, Q: int = 0) -> "Candidate":
        """The model with so many more of each."""
        return Candidate(self.p + p, self.q + q, self.P + P, self.Q + Q, self.constant)


class Limits(NamedTuple):
    """The largest of each order."""

    p: int
    q: int
    P: int
    Q: int

    def allow(self, candidate: Candidate) -> bool:
        """Whether no order is negative or beyond its limit."""
        return all(0 <= order <= most for order, most in zip(candidate[:4], self, strict=True))


# Tried one after the other: less and more of one, then of both, then against each other.
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
    """Walk from model to better neighbour (Hyndman and Khandakar 2008, section 3.2).

    Parameters
    ----------
    evaluate : callable
        ``evaluate(candidate, is_neighbour) -> criterion``, smaller is better; whether the model is
        a neighbour of the best so far.
    start : Candidate
        The first of up to five models that are tried before the walk begins at the best of them.
    limits : Limits
    constant : bool
        Whether a constant is tried at all.
    n_models : int
        After so many the walk ends.
    """
    tried: dict[Candidate, float] = {}

    def is_better(candidate: Candidate, is_neighbour: bool = False) -> bool:
        least = min(tried.values(), default=float("inf"))
        tried[candidate] = evaluate(candidate, is_neighbour)
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
        # As in R, the walk goes on from here with a constant.
        current = Candidate(0, 0, 0, 0, constant)

    is_moving = True
    while is_moving:
        is_moving = False
        for candidate in _neighbours(current, limits, constant):
            if candidate in tried:
                continue
            if len(tried) >= n_models:
                return
            if is_better(candidate, True):
                current, is_moving = candidate, True
                break


def _neighbours(current: Candidate, limits: Limits, constant: bool) -> Iterator[Candidate]:
    yield from (each for move in MOVES if limits.allow(each := current.moved(*move)))
    if constant:
        yield current._replace(constant=not current.constant)


def grid(limits: Limits, max_order: int, *, constant: bool) -> Iterator[Candidate]:
    """All models within the limits whose orders add up to no more than ``max_order``."""
    for p, q, P, Q in itertools.product(*(range(most + 1) for most in limits)):
        if p + q + P + Q <= max_order:
            for with_it in (False, True)[: 1 + constant]:
                yield Candidate(p, q, P, Q, with_it)
