"""Claim: a corpus of any size is prepared in constant memory, a 1 GB text file below 300 MB.

The script generates texts of the given sizes, prepares each with each tokenizer in a separate
process, and prints speed and peak memory.

    python benchmarks/corpus_preparation.py
    python benchmarks/corpus_preparation.py --megabytes 50 --tokenizers bpe:4096 --json out.json
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.backend import random_stream

MEGABYTE = 1_000_000

# Prepares the file argv[1] with the tokenizer argv[2]. The peak memory is that of this process
# only: it runs a new program, so the memory of its parent does not count.
PREPARATION = """
import json, resource, sys, time
from scratchgpt.text import prepare
began = time.perf_counter()
prepared = prepare([sys.argv[1]], sys.argv[2])
seconds = time.perf_counter() - began
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(json.dumps({"seconds": seconds, "n_tokens": len(prepared.tokens), "peak_bytes": peak}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--tokenizers", nargs="+", default=["bytes", "characters"])
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()

    results = []
    print(f"{'tokenizer':<12} {'text':>8} {'tokens':>14} {'seconds':>8} {'MB/s':>7} {'peak':>8}")
    for megabytes in options.megabytes:
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder) / "text.txt"
            write_text(text, megabytes * MEGABYTE)
            for tokenizer in options.tokenizers:
                result = measure(text, tokenizer, Path(folder) / tokenizer.replace(":", "-"))
                results.append({"tokenizer": tokenizer, "megabytes": megabytes, **result})
                print(
                    f"{tokenizer:<12} {megabytes:>5} MB {result['n_tokens']:>14,} "
                    f"{result['seconds']:>8.1f} {megabytes / result['seconds']:>7.1f} "
                    f"{result['peak_bytes'] / MEGABYTE:>5.0f} MB",
                    flush=True,
                )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


def measure(text: Path, tokenizer: str, cache: Path) -> dict[str, float]:
    """Prepare in a separate process; return seconds, n_tokens and peak_bytes."""
    process = subprocess.run(
        [sys.executable, "-c", PREPARATION, str(text), tokenizer],
        env={**os.environ, "SCRATCHGPT_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(process.stdout)


def write_text(path: Path, n_bytes: int) -> None:
    """Write at least ``n_bytes`` of text: paragraphs of words with Zipf-distributed frequencies."""
    with open(path, "w", encoding="utf-8") as file:
        written = 0
        for paragraph in paragraphs():
            written += len(paragraph.encode())
            file.write(paragraph)
            if written >= n_bytes:
                return


def paragraphs() -> Iterator[str]:
    rng = random_stream(0, "benchmark text")
    letters = list("etaoinshrdlucmfwypvbgkjqxzéüßñ中文ая")
    weights = 1.0 / (1 + rng.permutation(len(letters)))
    words = [
        "".join(rng.choice(letters, size=1 + rng.poisson(4), p=weights / weights.sum()))
        for _ in range(20_000)
    ]
    while True:
        ranks = rng.zipf(1.2, size=20_000) % len(words)
        lines = [
            " ".join(words[rank] for rank in ranks[i : i + 100]) for i in range(0, 20_000, 100)
        ]
        yield ".\n\n".join(lines) + ".\n\n"


if __name__ == "__main__":
    main()
