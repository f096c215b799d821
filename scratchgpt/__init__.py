"""scratchgpt: the GPT family in NumPy, every forward and every backward pass by hand.

Start at the size that interests you:

* ``scratchgpt.ops``: one operation, its forward and its backward;
* ``scratchgpt.layers``: operations that own parameters;
* ``scratchgpt.models``: GPT;
* ``scratchgpt.training``, ``scratchgpt.generation``: what one does with a model;
* ``scratchgpt.verify``: the proof that a backward pass is right, ours or yours;
* ``scratchgpt.timeseries``: ARIMA, with the gradient of its likelihood by hand;
* ``scratchgpt --help``: the same from the command line.

Nothing is imported until it is asked for: ``import scratchgpt`` alone costs a few milliseconds.
"""

import importlib
from typing import Any

from scratchgpt.version import __version__

_SUBPACKAGES = (
    "generation",
    "layers",
    "measure",
    "models",
    "ops",
    "optim",
    "text",
    "timeseries",
    "training",
    "verify",
)
_SHORTCUTS = {"GPT": "scratchgpt.models", "GPTConfig": "scratchgpt.models"}

__all__ = ["GPT", "GPTConfig", "__version__", *_SUBPACKAGES]


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"scratchgpt.{name}")
    if name in _SHORTCUTS:
        return getattr(importlib.import_module(_SHORTCUTS[name]), name)
    raise AttributeError(f"module 'scratchgpt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
