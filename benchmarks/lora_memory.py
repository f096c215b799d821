"""Peak memory of a LoRA fine-tuning step of a model of 135 million parameters.

    python benchmarks/lora_memory.py [--steps 3] [--rank 8] [--out FILE]

The model has the sizes of SmolLM2-135M and random weights, in a bfloat16 file. ``scratchgpt train``
adapts all its linear maps, in float32, with batches of one row of 256 tokens and recomputation. The
peak is that of the whole process, from its start to its last checkpoint. The exit status is 1 if it
is above 1.5 GB.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.families import form_of, their_arrays
from scratchgpt.models.pretrained import config_to_json
from scratchgpt.text import ByteTokenizer

SIZES = {
    **{"n_layer": 30, "n_head": 9, "n_kv_head": 3, "n_embd": 576, "n_inner": 1536},
    **{"vocab_size": 49152, "block_size": 8192, "tied_head": True, "rope_theta": 100000.0},
}
LIMIT = 1.5e9  # bytes
PIECE = 1 << 22  # numbers that are sampled at a time


def write_model(folder: Path) -> int:
    """Write a random model in bfloat16, and the tokenizer of bytes; return its parameters."""
    config = GPTConfig(**{**form_of("llama"), **SIZES})
    blank = GPT.blank(config)  # needs no memory, because it is never written
    values = config_to_json(config)
    shapes = their_arrays(blank.arrays(), config, values["model_type"])
    header, place = {}, 0
    for name, array in shapes.items():
        spans = [place, place + 2 * array.size]
        header[name] = {"dtype": "BF16", "shape": array.shape, "data_offsets": spans}
        place = spans[1]
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    rng = np.random.default_rng(0)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, array in shapes.items():
            is_norm = "norm" in name
            for start in range(0, array.size, PIECE):
                n = min(PIECE, array.size - start)
                noise = rng.standard_normal(n, dtype=np.float32)
                numbers = np.ones(n, np.float32) if is_norm else 0.02 * noise
                file.write((numbers.view(np.uint32) >> 16).astype("<u2").tobytes())
    (folder / "config.json").write_text(json.dumps(values))
    ByteTokenizer().save(folder / "tokenizer.json")
    return blank.store.size


def train(folder: Path, steps: int, rank: int) -> tuple[int, float]:
    """Train in a separate process; return its peak memory in bytes, and its seconds."""
    (folder / "text.txt").write_text("The quick brown fox jumps over the lazy dog. " * 400)
    words = [sys.executable, "-m", "scratchgpt", "train", str(folder / "text.txt")]
    words += ["--init", str(folder / "model"), "--lora-rank", str(rank), "--recompute"]
    words += ["--batch-size", "1", "--block-size", "256", "--eval-interval", "0"]
    words += ["--steps", str(steps), "--out", str(folder / "run")]
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the training failed")
    unit = 1 if platform.system() == "Darwin" else 1024
    return usage.ru_maxrss * unit, time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model").mkdir()
        n_parameters = write_model(folder / "model")
        peak, seconds = train(folder, arguments.steps, arguments.rank)
    print("| parameters | rank | steps | time | peak memory | limit |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {n_parameters:,} | {arguments.rank} | {arguments.steps} | {seconds:.0f} s | "
        f"{peak / 1e9:.2f} GB | {LIMIT / 1e9} GB |"
    )
    if arguments.out:
        result = {"n_parameters": n_parameters, "rank": arguments.rank, "peak_bytes": peak}
        arguments.out.write_text(json.dumps(result) + "\n")
    return int(peak > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
