"""How far each operation is from PyTorch, over all its registered cases in float64.

Run ``python tests/explore/pytorch_errors.py`` to write
``scratchgpt/explore/data/pytorch_errors.json``.
"""

import datetime
import importlib.util
import json
from pathlib import Path

import numpy as np

import scratchgpt
from scratchgpt.kernels import disabled
from scratchgpt.verify.examples import EXAMPLES

PATH = Path(scratchgpt.__file__).parent / "explore" / "data" / "pytorch_errors.json"
PARITY = Path(__file__).parents[1] / "ops" / "test_parity.py"


def errors(torch):
    """Return the largest relative difference of each operation, by its name."""
    spec = importlib.util.spec_from_file_location("parity_of_operations", PARITY)
    parity = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parity)
    with disabled(np.float64), np.errstate(all="ignore"):
        return {
            name: max(
                _relative(ours, theirs)
                for case in example.cases
                for _, ours, theirs in parity.compared(torch, example, case)
            )
            for name, example in sorted(EXAMPLES.items())
        }


def _relative(ours, theirs):
    """Return the largest difference, relative to the largest element or to a thousandth."""
    finite = np.isfinite(theirs)
    scale = max(np.abs(np.where(finite, theirs, 0)).max(initial=0), 1e-3)
    return float(np.abs(np.where(finite, ours - theirs, 0)).max(initial=0) / scale)


def table(torch, date):
    """Return the content of the file."""
    found = {name: float(f"{error:.1e}") for name, error in errors(torch).items()}
    return {"torch": torch.__version__.partition("+")[0], "date": date, "errors": found}


if __name__ == "__main__":
    import torch

    written = table(torch, datetime.date.today().isoformat())
    PATH.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
