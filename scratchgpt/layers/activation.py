"""The activation functions that a configuration can name."""

from collections.abc import Callable
from functools import partial
from typing import Any

from scratchgpt.ops.gelu import gelu_backward, gelu_forward
from scratchgpt.ops.relu import relu_backward, relu_forward

Pair = tuple[Callable[..., tuple[Any, Any]], Callable[..., Any]]

ACTIVATIONS: dict[str, Pair] = {
    "gelu_tanh": (partial(gelu_forward, approximate="tanh"), gelu_backward),
    "gelu": (gelu_forward, gelu_backward),
    "relu": (relu_forward, relu_backward),
}
