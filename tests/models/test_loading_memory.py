"""Memory for loading a model, measured in a separate process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.families import form_of

PROGRAM = """
import sys
from scratchgpt.measure.machine import peak_memory
from scratchgpt.models import GPT

before = peak_memory()
model = GPT.from_pretrained(sys.argv[1])
print(peak_memory() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's own count")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shard_bytes", [None, 30_000_000])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_model_takes_its_own_size_and_little_more(tmp_path, family, dtype, shard_bytes):
    sizes = {"n_layer": 3, "n_embd": 384, "n_head": 6, "block_size": 64, "vocab_size": 30_000}
    config = GPTConfig(**{**form_of(family), **sizes, "tied_head": True})
    model = GPT(config, seed=None, dtype=dtype)
    model.store.values[...] = 1
    model.save_pretrained(tmp_path, shard_bytes=shard_bytes)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 1.2 * 4 * model.store.size
