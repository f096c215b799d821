"""A function with a correct backward, which the tests modify to make it wrong."""

from typing import NamedTuple

import numpy as np
import pytest


class Saved(NamedTuple):
    x: np.ndarray
    weight: np.ndarray


class Product:
    """y = tanh(x weight), with a correct backward."""

    @staticmethod
    def forward(x, weight, power=1):
        y = np.tanh(x @ weight) ** power
        return y, Saved(x, weight)

    @staticmethod
    def backward(dy, saved):
        du = dy * (1 - np.tanh(saved.x @ saved.weight) ** 2)
        return du @ saved.weight.T, saved.x.T @ du


@pytest.fixture
def product():
    return Product


@pytest.fixture
def point():
    rng = np.random.default_rng(0)
    return {"x": rng.standard_normal((3, 4)), "weight": 0.5 * rng.standard_normal((4, 5))}
