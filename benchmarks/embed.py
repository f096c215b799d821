"""Encoding of texts as vectors, compared with PyTorch on the same weights.

    python benchmarks/embed.py [--rounds 5] [--threads 1 2]

An encoder with 10 million parameters encodes 256 texts of 64 tokens in float32, from tokens to unit
vectors. PyTorch runs the same body with its fused attention, without gradients, in the fastest of
several batch sizes. Both must compute the same vectors.
"""

import argparse
from collections.abc import Callable

import numpy as np
from interleave import Contestant, benchmark_parser, check_equal, contest, contestant_of
from measure import median_seconds, print_result
from report import report

N_TEXTS, N_TOKENS = 256, 64
SIZES = {"n_layer": 7, "n_head": 5, "n_embd": 320, "block_size": N_TOKENS, "vocab_size": 4096}
BATCHES = (4, 8, 16, 32, 64)  # of PyTorch, in texts
TARGET = 1 / 1.5  # of our time to PyTorch's
PROGRAMS = ("ours", "torch")


def problem():
    """Return the encoder, and the tokens of the texts (N, T)."""
    from scratchgpt.models import GPTEncoder, GPTEncoderConfig

    model = GPTEncoder(GPTEncoderConfig(**SIZES), seed=1)
    tokens = np.random.default_rng(0).integers(0, SIZES["vocab_size"], (N_TEXTS, N_TOKENS))
    return model, tokens


def ours() -> None:
    from scratchgpt import one_pool
    from scratchgpt.embeddings.encoder import encode_rows

    model, tokens = problem()
    rows = list(tokens)
    with one_pool():
        measure(lambda: encode_rows(model, rows))


def torch() -> None:
    import torch
    from torch.nn.functional import layer_norm, normalize
    from torch_gpt import TorchGPT

    from scratchgpt.models import GPT, GPTConfig

    torch.set_num_threads(n_threads())
    model, tokens = problem()
    gpt = GPT(GPTConfig(**SIZES))
    for name, value in gpt.arrays().items():
        value[...] = model.store.named[name].value
    theirs, ids = TorchGPT(gpt).eval(), torch.from_numpy(tokens)

    def encode(n_batch: int) -> np.ndarray:
        parts = []
        with torch.inference_mode():
            for some in ids.split(n_batch):
                x = theirs.wte(some) + theirs.wpe(torch.arange(N_TOKENS))
                for block in theirs.h:
                    x = block(x)
                x = layer_norm(x, x.shape[-1:], theirs.ln_f.weight, theirs.ln_f.bias)
                parts.append(normalize(x.mean(dim=1), dim=1))
        return torch.cat(parts).numpy()

    seconds = {n: median_seconds(lambda n=n: encode(n), at_least=0.5, warm_up=1) for n in BATCHES}
    best = min(seconds, key=lambda n: seconds[n])
    measure(lambda: encode(best), batch=best)


def n_threads() -> int:
    import os

    return int(os.environ["SCRATCHGPT_THREADS"])


def measure(encode: Callable[[], np.ndarray], **more: object) -> None:
    """Time the encoding; also print a projection of the vectors, to compare them."""
    seconds = median_seconds(encode)
    vectors = encode().astype(np.float64)
    direction = np.random.default_rng(2).standard_normal(vectors.shape)
    print_result(
        seconds,
        texts_per_s=N_TEXTS / seconds,
        projection=float((vectors * direction).sum()),
        **more,
    )


def contestants(n: int) -> list[Contestant]:
    threads = dict.fromkeys(
        ("SCRATCHGPT_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(n)
    )
    return [contestant_of(__file__, name, environment=threads) for name in PROGRAMS]


def main() -> None:
    parser = benchmark_parser(__doc__, PROGRAMS)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        {"ours": ours, "torch": torch}[arguments.contestant]()
        return
    rows = []
    for n in arguments.threads:
        pair = contestants(n)
        contest(pair, arguments.rounds)
        check_equal("the vectors", pair, "projection", 1e-3)
        rows.append((f"{n} threads" if n > 1 else "1 thread", pair, TARGET))
    columns = {"texts/s": ("texts_per_s", "{:.0f}"), "batch": ("batch", "{:.0f}")}
    report("embed", rows, arguments.out, columns)


if __name__ == "__main__":
    main()
