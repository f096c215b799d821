"""The peak memory predicted from a configuration, compared with that of a real process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scratchgpt.backend import kernels_available
from scratchgpt.models import GPTConfig, describe
from scratchgpt.models.families import form_of

SHAPES = {  # activations of 25 MB, and of 140 MB; batch
    "char": ({"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64, "vocab_size": 65}, 16),
    "wide": ({"n_layer": 4, "n_head": 6, "n_embd": 384, "block_size": 256, "vocab_size": 500}, 8),
    # All logits would be 205 MB.
    "words": ({"n_layer": 2, "n_head": 2, "n_embd": 64, "block_size": 256, "vocab_size": 50000}, 4),
    "gpt1": (
        {
            **{"n_layer": 6, "n_head": 4, "n_embd": 256, "block_size": 128, "vocab_size": 300},
            **{"norm_position": "post"},
        },
        16,
    ),
    "llama": (
        {
            **{"n_layer": 4, "n_head": 6, "n_kv_head": 2, "n_embd": 384, "n_inner": 1024},
            **{"block_size": 256, "vocab_size": 500, **form_of("llama")},
        },
        8,
    ),
    "nanochat": (
        {"n_layer": 4, "n_head": 6, "n_embd": 384, "block_size": 256, "vocab_size": 500}
        | form_of("nanochat"),
        8,
    ),
}

# Runs in a separate process, so that only its memory counts.
PROGRAM = """
import json, sys
import numpy as np
from scratchgpt.measure.machine import peak_memory
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.training.compilation import ensure_compiled
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.next_token import NextToken
from scratchgpt.training.step import Stepper

sizes, n_batch, recompute = json.loads(sys.argv[1])
config = GPTConfig(**sizes)
tokens = np.random.default_rng(0).integers(0, config.vocab_size, (n_batch, config.block_size))

class Same:
    def train_batch(self, index):
        return tokens, tokens

ensure_compiled()
stepper = Stepper(NextToken(GPT(config), recompute=recompute), Same(), TrainConfig())
for step in range(3):
    stepper.update(step)
print(peak_memory())
"""


def peak_of_a_run(shape: str, recompute: bool) -> int:
    """Train a few steps in another process and return its peak memory."""
    sizes, n_batch = SHAPES[shape]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([sizes, n_batch, recompute])],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(run.stdout)


@pytest.fixture(scope="module")
def compiled() -> None:
    """Compile all kernels before the measurement, because compiling takes memory, too."""
    if kernels_available():
        peak_of_a_run("char", recompute=False)


@pytest.mark.usefixtures("compiled")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc of Linux")
@pytest.mark.parametrize(
    ("shape", "recompute"),
    [*((shape, False) for shape in SHAPES), *((shape, True) for shape in ("wide", "llama"))],
)
def test_the_peak_is_predicted_within_a_tenth(shape, recompute):
    if not kernels_available():
        pytest.skip("without kernels attention saves its weights, so the peak differs")
    sizes, n_batch = SHAPES[shape]
    description = describe(GPTConfig(**sizes), n_batch=n_batch)
    expected = description.recompute_peak_bytes if recompute else description.peak_bytes
    assert peak_of_a_run(shape, recompute) == pytest.approx(expected, rel=0.1)
