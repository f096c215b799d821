"""scratchgpt: the GPT family in NumPy, with every forward and backward pass written by hand.

The main modules:

* ``scratchgpt.ops``: single operations, forward and backward;
* ``scratchgpt.layers``: operations that own parameters;
* ``scratchgpt.models``: GPT and the Transformer;
* ``scratchgpt.training``, ``scratchgpt.generation``: using a model;
* ``scratchgpt.recipes``: training and evaluation by name, as on the command line;
* ``scratchgpt.zero_shot``: classes that no example was given for;
* ``scratchgpt.verify``: checks that a backward pass is correct, ours or yours;
* ``scratchgpt.timeseries``: ARIMA, with a handwritten gradient of its likelihood;
* ``scratchgpt --help``: the command line.

Submodules are imported when first used: ``import scratchgpt`` alone takes a few milliseconds.
"""

import importlib
from typing import Any

from scratchgpt.version import __version__

_SUBPACKAGES = (
    "evaluation",
    "generation",
    "layers",
    "measure",
    "models",
    "ops",
    "optim",
    "proofs",
    "recipes",
    "text",
    "timeseries",
    "training",
    "verify",
    "zero_shot",
)
_SHORTCUTS = {
    "GPT": "scratchgpt.models",
    "GPTConfig": "scratchgpt.models",
    "one_pool": "scratchgpt.threads",
}

__all__ = ["GPT", "GPTConfig", "__version__", "one_pool", *_SUBPACKAGES]


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"scratchgpt.{name}")
    if name in _SHORTCUTS:
        return getattr(importlib.import_module(_SHORTCUTS[name]), name)
    raise AttributeError(f"module 'scratchgpt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
