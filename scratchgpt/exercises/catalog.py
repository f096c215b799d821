"""The exercises: what each is about, its inputs, its hints, and a mistake to find."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.ops import gelu_forward
from scratchgpt.verify.examples import EXAMPLES
from scratchgpt.verify.examples.case import Draw


@dataclass(frozen=True)
class Exercise:
    """An operation whose backward pass the reader writes.

    Attributes
    ----------
    name : str
        The name of the operation and of its page.
    inputs : tuple of dict
        What the two functions are checked with.
    hints : dict of str to str
        For each input that can have a wrong gradient, what to think about.
    mistake : (str, str)
        A part of the solution, and what replaces it in the version with a mistake.
    settings : dict
        Further arguments of the operation of scratchgpt, for which it computes the same.
    """

    name: str
    inputs: tuple[dict[str, Any], ...]
    hints: dict[str, str]
    mistake: tuple[str, str]
    settings: dict[str, Any]

    @property
    def module(self) -> ModuleType:
        """The module with the forward and the solution."""
        return import_module(f"scratchgpt.exercises.solved.{self.name}")

    @property
    def subject(self) -> str:
        """What the operation does, in one line."""
        return (self.module.__doc__ or "").splitlines()[0]

    @property
    def operation(self) -> Callable[..., Any]:
        """The forward of scratchgpt that the forward of the exercise must agree with."""
        if self.name == "broadcast":
            return lambda x, positions: (x + positions, None)
        return gelu_forward if self.name == "gelu" else EXAMPLES[self.name].forward


_draw = Draw("exercises")
_ANGLES = np.arange(4)[:, None] * 100.0 ** (-np.arange(3) / 3)
_TABLE = {"tokens": np.array([[2, 0, 2, 2], [4, 4, 0, 2]]), "weight": _draw.normal(5, 3)}


def _exercise(
    name: str,
    *inputs: dict[str, Any],
    hints: dict[str, str],
    mistake: tuple[str, str],
    **settings: Any,
) -> Exercise:
    return Exercise(name, inputs, hints, mistake, settings)


EXERCISES = {
    exercise.name: exercise
    for exercise in (
        _exercise(
            "relu",
            {"x": _draw.away_from_zero(4, 5)},
            hints={"x": "the slope is 1 if x is positive, and otherwise 0"},
            mistake=("dy * is_positive", "is_positive * 1.0"),
        ),
        _exercise(
            "linear",
            {"x": _draw.normal(2, 3, 4), "weight": _draw.normal(4, 5), "bias": _draw.normal(5)},
            hints={
                "x": "dy is (B, T, O), weight (I, O): which product of the two is (B, T, I)?",
                "weight": "every row uses the weight, so its gradient is a sum over B and T",
                "bias": "the bias is repeated for each row, and a repeat becomes a sum",
            },
            mistake=("dy.sum(axis=(0, 1))", "dy.mean(axis=(0, 1))"),
        ),
        _exercise(
            "broadcast",
            {"x": _draw.normal(2, 3, 4), "positions": _draw.normal(3, 4)},
            hints={
                "x": "the slope of a sum is 1",
                "positions": "each text of the batch uses them, so their gradient is a sum over B",
            },
            mistake=("dy.sum(axis=0)", "dy[0].copy()"),
        ),
        _exercise(
            "embedding",
            _TABLE,
            hints={
                "weight": "a token that occurs three times gets three gradients; dweight[tokens] "
                "+= dy keeps one of them"
            },
            mistake=("np.add.at(dweight, tokens, dy)", "dweight[tokens] += dy"),
        ),
        _exercise(
            "gelu",
            {"x": _draw.normal(4, 5)},
            hints={"x": "x / 2 and 1 + tanh u are two factors that both depend on x"},
            mistake=("1 + 3 * 0.044715 * x**2", "1 + 0.044715 * x**2"),
            approximate="tanh",
        ),
        _exercise(
            "silu",
            {"x": _draw.normal(4, 5)},
            hints={"x": "x and the sigmoid are two factors, and the slope of s is s (1 - s)"},
            mistake=("s + x * s * (1 - s)", "s + x * s"),
        ),
        _exercise(
            "relu_squared",
            {"x": _draw.away_from_zero(4, 5)},
            hints={"x": "the slope of a square is twice what is squared"},
            mistake=("dy * 2 * positive", "dy * positive"),
        ),
        _exercise(
            "gated_product",
            {"x": _draw.normal(3, 8)},
            hints={"x": "of the two halves, each multiplies the gradient of the other"},
            mistake=("dy * u * slope", "dy * slope"),
        ),
        _exercise(
            "softmax",
            {"x": _draw.normal(3, 5)},
            hints={"x": "each x is in the denominator of all y of its row"},
            mistake=("(dy * y).sum(axis=-1", "(dy * y).mean(axis=-1"),
        ),
        _exercise(
            "log_softmax",
            {"x": _draw.normal(3, 5)},
            hints={"x": "the slope of the logarithm of the sum is the softmax, exp(y)"},
            mistake=("p * dy.sum(axis=-1, keepdims=True)", "(p * dy).sum(axis=-1, keepdims=True)"),
        ),
        _exercise(
            "cross_entropy",
            {"logits": _draw.normal(4, 5), "targets": np.array([1, 4, 4, 0])},
            hints={"logits": "the loss is a mean over rows, and dy is not always 1"},
            mistake=("(dy / len(targets))", "dy"),
        ),
        _exercise(
            "layer_norm",
            {"x": _draw.normal(4, 5), "weight": _draw.normal(5), "bias": _draw.normal(5)},
            hints={
                "x": "each x reaches each y on three paths: directly, through mean, through rstd",
                "weight": "all rows share the weight; its slope is x_hat",
                "bias": "all rows share the bias; its slope is 1",
            },
            mistake=("dx_hat - mean - x_hat * projection", "dx_hat - mean"),
        ),
        _exercise(
            "rms_norm",
            {"x": _draw.normal(4, 5), "weight": _draw.normal(5)},
            hints={
                "x": "each x reaches each y on two paths: directly, and through rstd",
                "weight": "all rows share the weight; its slope is x_hat",
            },
            mistake=("dx_hat - x_hat * projection", "dx_hat - projection"),
        ),
        _exercise(
            "rotary",
            {"x": _draw.normal(4, 6)},
            hints={"x": "the transpose of a rotation is the rotation by the opposite angle"},
            mistake=("dy2 * cos - dy1 * sin", "dy2 * cos + dy1 * sin"),
            cos=np.cos(_ANGLES),
            sin=np.sin(_ANGLES),
        ),
        _exercise(
            "mean_pool",
            {"x": _draw.normal(3, 5, 4), "lengths": np.array([2, 5, 3])},
            hints={"x": "padding has no path to the output; a token has a share of 1 / length"},
            mistake=(
                "share[:, None] * is_token[..., None]",
                "np.repeat(share[:, None], is_token.shape[1], axis=1)",
            ),
        ),
        _exercise(
            "unit",
            {"x": _draw.normal(4, 5)},
            hints={"x": "a longer x gives the same y: dx has no part along x"},
            mistake=("(dy - y * along) / length", "dy / length"),
        ),
        _exercise(
            "soft_cap",
            {"x": 3 * _draw.normal(4, 5)},
            hints={"x": "the slope of tanh is 1 - tanh^2, and x is divided by 3 before it"},
            mistake=("1 - t**2", "1 - t"),
            cap=3.0,
        ),
        _exercise(
            "attention",
            {name: _draw.normal(2, 3, 4, size) for name, size in (("q", 5), ("k", 5), ("v", 6))},
            hints={
                "q": "a query is compared with many keys: which index of dscores is summed?",
                "k": "many queries use a key: which index of dscores is summed?",
                "v": "many queries use a value: which index of weights is summed?",
            },
            mistake=("dscores.mT @ q", "dscores @ q"),
            causal=True,
        ),
    )
}


def find_exercise(name: str) -> Exercise:
    """Return the exercise of a name.

    Raises
    ------
    UserError
        If there is none; the message suggests the nearest name.
    """
    if name not in EXERCISES:
        raise UserError(
            f"there is no exercise {name!r}{did_you_mean(name, EXERCISES)}; the exercises are "
            f"{', '.join(EXERCISES)}"
        )
    return EXERCISES[name]
