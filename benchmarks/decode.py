"""Generation with GPT-2 124M against transformers, in float32 and in int8, one text at a time.

    python benchmarks/decode.py [--rounds 5] [--tokens 64]

Random weights, the same on both sides; greedy, after a prompt of 16 tokens. The time is that of a
whole call, divided by its tokens. Both must choose the same tokens in float32.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from interleave import Contestant, contest, report
from measure import tell

PROMPT = [464, 1266, 835, 284, 11241, 318, 284, 1100, 290, 3551, 617, 2420, 326, 318, 1049, 13]
TARGETS = {"ours": 1 / 2.3, "ours-int8": 1 / 9}


def our_model():
    from scratchgpt.models import GPT, GPTConfig

    model = GPT(GPTConfig.from_preset("gpt2"), seed=1)
    # Rows of different sizes, so that the best token is not a matter of rounding.
    table = model.transformer.wte.weight.value
    table *= np.random.default_rng(0).uniform(0.5, 2.0, (len(table), 1)).astype(np.float32)
    return model


def time_tokens(generate, n_tokens: int) -> None:
    """Generate once to warm up, then three times; the best counts, machines being shared."""
    generate(8)
    times, ids = [], []
    for _ in range(3):
        began = time.perf_counter()
        ids = generate(n_tokens)
        times.append((time.perf_counter() - began) / n_tokens)
    tell(min(times), tokens_per_s=1 / min(times), checksum=float(np.dot(ids, np.arange(len(ids)))))


def ours(n_tokens: int, *, int8: bool) -> None:
    from scratchgpt.generation import SamplingConfig, generate
    from scratchgpt.models import QuantizedGPT

    model = QuantizedGPT(our_model()) if int8 else our_model()

    def run(n: int) -> list[int]:
        greedy = SamplingConfig(temperature=0)
        return generate(model, [PROMPT], max_new_tokens=n, sampling=greedy)[0].tokens.tolist()

    time_tokens(run, n_tokens)


def transformers(n_tokens: int) -> None:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    reference = our_model()
    model = GPT2LMHeadModel(GPT2Config()).eval()
    with torch.no_grad():
        theirs = dict(model.named_parameters())
        for name, parameter in reference.store.named.items():
            theirs[name].copy_(torch.from_numpy(parameter.value))
    del reference
    prompt = torch.tensor([PROMPT])

    def run(n: int) -> list[int]:
        with torch.no_grad():
            out = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=n,
                min_new_tokens=n,
                do_sample=False,
                pad_token_id=50256,
            )
        return out[0, len(PROMPT) :].tolist()

    time_tokens(run, n_tokens)


CONTESTANTS = {
    "ours": lambda n: ours(n, int8=False),
    "ours-int8": lambda n: ours(n, int8=True),
    "transformers": transformers,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](arguments.tokens)
        return
    command = [sys.executable, __file__, "--tokens", str(arguments.tokens), "--contestant"]
    contestants = {name: Contestant(name, [*command, name]) for name in CONTESTANTS}
    contest(list(contestants.values()), arguments.rounds)
    peer = contestants["transformers"]
    if peer.rounds and peer.median("checksum") != contestants["ours"].median("checksum"):
        raise SystemExit("the contestants do not choose the same tokens")
    rows = [(name, [contestants[name], peer], target) for name, target in TARGETS.items()]
    report("decode", rows, arguments.out)
    speeds = {name: c.median("tokens_per_s") for name, c in contestants.items() if c.rounds}
    print(json.dumps(speeds))


if __name__ == "__main__":
    main()
