"""Floors: what is reached without learning anything about attributes."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.attributes.method import Constants, Method


class _OneSeenClass(Method):
    """A method that assigns a seen class to each example.

    The score of a class is minus the squared distance of its attributes from those of the assigned
    class. So the assigned class itself wins if it is among the classes to choose from, and
    otherwise the class with the most similar attributes.
    """

    def __init__(self) -> None:
        super().__init__({}, 0)

    def grid(self) -> list[Constants]:
        return [{}]

    def assigned(self, parameters: Array, x: Array) -> Array:
        """Return the seen class of each example (N,)."""
        raise NotImplementedError

    def scores_from(self, parameters: Array, x: Array, s: Array, s_seen: Array) -> Array:
        of_seen = np.stack([((row - s) ** 2).sum(axis=1) for row in s_seen])  # (K', K)
        return -of_seen[self.assigned(parameters, x)]


class NearestSeen(_OneSeenClass):
    """Assigns the seen class whose mean features are nearest."""

    def fit_grid(self, x: Array, y: Array, s: Array, grid: list[Constants]) -> list[Array]:
        return [np.stack([x[y == k].mean(axis=0) for k in range(len(s))])]

    def assigned(self, parameters: Array, x: Array) -> Array:
        distance = (parameters**2).sum(axis=1) - 2.0 * x @ parameters.T  # without the part of x
        return distance.argmin(axis=1)


class Majority(_OneSeenClass):
    """Assigns the seen class with the most examples, the first of equals."""

    def fit_grid(self, x: Array, y: Array, s: Array, grid: list[Constants]) -> list[Array]:
        return [np.asarray(np.bincount(y).argmax())]

    def assigned(self, parameters: Array, x: Array) -> Array:
        return np.full(len(x), parameters)
