"""Results of small models in every form, to compare with those of an earlier commit.

    PYTHONPATH=CHECKOUT SCRATCHGPT_KERNELS=off python tests/models/recorded.py > recorded.json

``recorded.json`` contains the earlier results. This command, with a checkout of the earlier
commit, writes the file again.
"""

import base64
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt import kernels
from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig, save_pretrained

GPT_SIZES: dict[str, Any] = {
    **{"n_layer": 2, "n_head": 3, "n_embd": 12, "block_size": 7, "vocab_size": 13, "n_inner": 10},
}
TRANSFORMER_SIZES: dict[str, Any] = {
    **{"n_encoder_layer": 2, "n_decoder_layer": 3, "n_head": 3, "n_embd": 12, "n_inner": 10},
    **{"block_size": 7, "vocab_size": 13},
}
FORMS: dict[str, dict[str, Any]] = {
    "gpt pre": {"norm_position": "pre"},
    "gpt post": {"norm_position": "post", "tied_head": False, "activation": "gelu"},
    "transformer pre": {"norm_position": "pre", "positions": "learned"},
    "transformer post": {"norm_position": "post"},
}


def make(form: str, dtype: Any) -> Any:
    """Create a model of a form with its initial values, and dropout."""
    changes = {**FORMS[form], "dropout": 0.2}
    if form.startswith("gpt"):
        return GPT(GPTConfig(**GPT_SIZES, **changes), seed=3, dtype=dtype)
    return Transformer(TransformerConfig(**TRANSFORMER_SIZES, **changes), seed=3, dtype=dtype)


def data(form: str) -> list[np.ndarray]:
    """Create the arguments of ``model.loss``."""
    rng = np.random.default_rng(5)
    sizes = (6, 6) if form.startswith("gpt") else (5, 6, 6)
    return [rng.integers(0, 13, (3, size)) for size in sizes]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def step(form: str, dtype: Any, **settings: Any) -> dict[str, Any]:
    """Compute the loss, and for the gradient of each parameter a weighted sum of its elements."""
    model = make(form, dtype)
    loss, saved = model.loss(*data(form), **settings)
    model.loss_backward(1.0, saved)
    sums = []
    for parameter in model.store.named.values():
        grad = parameter.grad.astype(np.float64).ravel()
        sums.append(float(np.random.default_rng(grad.size).uniform(-1, 1, grad.size) @ grad))
    return {"loss": float(loss), "gradients": sums}


def files(form: str) -> dict[str, bytes]:
    """Save a model of a form, and return the files of its directory."""
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(make(form, np.float32), folder)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def record(form: str) -> dict[str, Any]:
    """Compute everything that ``recorded.json`` contains for a form."""
    with kernels.disabled():
        return {
            "names": list(make(form, np.float32).store.named),
            "initial": {
                dtype: sha256(make(form, dtype).store.values.tobytes())
                for dtype in ("float32", "float64")
            },
            "float64": step(form, np.float64),
            "float64, dropout": step(form, np.float64, dropout_seed=7),
            "float32, dropout, recompute": step(form, np.float32, dropout_seed=7, recompute=True),
            "files": {name: sha256(content) for name, content in files(form).items()},
        }


def tiny() -> Any:
    """Create the model whose whole directory ``recorded.json`` contains."""
    config = GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=3, vocab_size=5)
    return GPT(config, seed=11)


def main() -> None:
    recorded: dict[str, Any] = {form: record(form) for form in FORMS}
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(tiny(), folder)
        recorded["directory"] = {
            path.name: base64.b64encode(path.read_bytes()).decode()
            for path in sorted(Path(folder).iterdir())
        }
    print(json.dumps(recorded, indent=1))


if __name__ == "__main__":
    main()
