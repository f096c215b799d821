"""Generation compared with transformers and llama.cpp, one text at a time.

    python benchmarks/decode.py [--model smollm2] [--rounds 5] [--tokens 64]

The model has the shape of GPT-2 124M, or of SmolLM2-135M, which is a Llama. The benchmark runs in
float32 and with 8 bits per weight: ours is int8 with a scale per output, llama.cpp's Q8_0 has a
scale per 32 weights. All programs use the same random weights and greedy decoding after a prompt of
16 tokens. The time is that of a whole call, divided by its tokens; tokens/s are also reported
without the prompt. In float32 all must generate the same tokens. In 8 bits, the benchmark reports
how often they would choose the same token after each token of a fixed text. Our speed is also
reported as a fraction of memory bandwidth, from the bytes of weights that a token reads. llama.cpp
runs through llama-cpp-python with as many threads as there are cores.
"""

import argparse
import importlib.util
import statistics
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from decode_models import CONFIGS, model_of_transformers, our_model
from interleave import Contestant, benchmark_parser, contest, contestant_of, ratio
from measure import peak_mib, print_result, seconds_of
from report import report

from scratchgpt.measure import read_bandwidth
from scratchgpt.measure.decoding import weight_bytes
from scratchgpt.threads import n_cores

PROMPT = [464, 1266, 835, 284, 11241, 318, 284, 1100, 290, 3551, 617, 2420, 326, 318, 1049, 13]
KINDS = {"ours": "float32", "ours int8": "8 bits"}
# The peers for each model, with the target: our tokens per second as a multiple of the peer's.
TARGETS: dict[str, dict[str, dict[str, float | None]]] = {
    "gpt2": {
        "ours": {"transformers": 2.3, "llama.cpp f32": 1.05},
        "ours int8": {"transformers": 9, "llama.cpp q8_0": 1.5},
    },
    "smollm2": {
        "ours": {"transformers": 2.3, "llama.cpp f32": None},
        "ours int8": {"transformers": None, "llama.cpp q8_0": 1.5},
    },
}
COLUMNS = {
    "tokens/s": ("tokens_per_s", "{:.1f}"),
    "without the prompt": ("decode_per_s", "{:.1f}"),
    "of memory bandwidth": ("of_bandwidth", "{:.0%}"),
}
CLOSE = 5e-3  # llama.cpp uses a float16 lookup table for GELU
LOGITS = slice(None, None, 100)  # logits that are compared
# Text for the comparison: 64 tokens; the choices after each token are compared.
TEXT = [*PROMPT, *np.random.default_rng(1).integers(0, 49152, 48).tolist()]


def measure(
    n_tokens: int,
    generate: Callable[[int], list[int]],
    read: Callable[[], np.ndarray],
    n_bytes: int = 0,
) -> None:
    """Generate once as a warm-up, then three times; take the best, as machines are shared.

    Parameters
    ----------
    n_tokens : int
    generate : callable
        Takes a number of tokens; returns as many generated tokens.
    read : callable
        Returns the logits (64, V) after each token of TEXT.
    n_bytes : int
        Bytes of the weights that a token reads; 0 reports no fraction of memory bandwidth.
    """
    tokens = generate(n_tokens)
    peak = peak_mib()  # before later steps allocate memory
    whole, first, shares = [], [], []
    for _ in range(3):
        whole.append(seconds_of(lambda: generate(n_tokens)))
        first.append(seconds_of(lambda: generate(1)))
        if n_bytes:  # measured right after, as other processes use bandwidth too
            n_read = n_bytes * (n_tokens - 1)
            shares.append(n_read / (whole[-1] - first[-1]) / read_bandwidth())
    share = {"of_bandwidth": statistics.median(shares)} if shares else {}
    logits = read()
    print_result(
        min(whole) / n_tokens,
        peak=peak,
        tokens_per_s=n_tokens / min(whole),
        decode_per_s=(n_tokens - 1) / (min(whole) - min(first)),
        tokens=tokens,
        choices=logits.argmax(axis=-1).tolist(),
        logits=logits[-1, LOGITS].tolist(),
        **share,
    )


def ours(name: str, n_tokens: int, *, int8: bool) -> None:
    from scratchgpt.generation import Decoding, SamplingConfig, generate
    from scratchgpt.models import QuantizedGPT

    model = QuantizedGPT(our_model(name)) if int8 else our_model(name)

    def run(n: int) -> list[int]:
        greedy = SamplingConfig(temperature=0)
        return generate(model, [PROMPT], max_new_tokens=n, sampling=greedy)[0].tokens.tolist()

    def read() -> np.ndarray:
        decoding = Decoding(model, [[]])
        return np.concatenate([decoding.advance(np.array([token])).copy() for token in TEXT])

    measure(n_tokens, run, read, weight_bytes(model))


def transformers(name: str, n_tokens: int) -> None:
    import torch

    model = model_of_transformers(name)
    prompt = torch.tensor([PROMPT])

    def run(n: int) -> list[int]:
        with torch.no_grad():
            out = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=n,
                min_new_tokens=n,
                do_sample=False,
                pad_token_id=0,
            )
        return out[0, len(PROMPT) :].tolist()

    def read() -> np.ndarray:
        with torch.no_grad():
            return model(torch.tensor([TEXT])).logits[0].numpy()

    measure(n_tokens, run, read)


def llama(n_tokens: int, path: Path, *, q8_0: bool) -> None:
    import llama_cpp

    # Keys and values in float32 like the rest, or in float16, which is llama.cpp's default.
    kind = llama_cpp.GGML_TYPE_F16 if q8_0 else llama_cpp.GGML_TYPE_F32
    model = llama_cpp.Llama(
        str(path),
        n_ctx=1024,
        n_threads=n_cores(),
        n_threads_batch=n_cores(),
        n_gpu_layers=0,
        logits_all=False,
        type_k=kind,
        type_v=kind,
        verbose=False,
    )

    def run(n: int) -> list[int]:
        model.reset()  # otherwise it would reuse the prompt
        return list(islice(model.generate(PROMPT, temp=0), n))

    def advance(token: int) -> np.ndarray:
        model.eval([token])
        pointer = llama_cpp.llama_get_logits_ith(model.ctx, -1)
        return np.ctypeslib.as_array(pointer, shape=(model.n_vocab(),)).copy()

    def read() -> np.ndarray:
        model.reset()
        return np.stack([advance(token) for token in TEXT])

    measure(n_tokens, run, read)


def llama_contestants(name: str, folder: Path, options: list[object]) -> list[Contestant]:
    """Return llama.cpp with our model as a file, in float32 and Q8_0; both missing without it."""
    absent = [name for name in ("llama_cpp", "gguf") if not importlib.util.find_spec(name)]
    missing = f"{' and '.join(absent)} not installed" if absent else ""
    contestants = []
    for peer, file, q8_0 in (
        ("llama.cpp f32", "f32.gguf", False),
        ("llama.cpp q8_0", "q8_0.gguf", True),
    ):
        if not missing:
            from gguf_models import write_gguf

            write_gguf(our_model(name), folder / file, q8_0=q8_0)
        file_option = ["--file", folder / file]
        contestants.append(contestant_of(__file__, peer, *options, *file_option, missing=missing))
    return contestants


def check(contestants: dict[str, Contestant]) -> None:
    """Check that all compute the same in float32; print the differences of the others."""
    there = {name: c.rounds[0] for name, c in contestants.items() if not c.missing}
    reference = there.pop("ours")
    largest = np.abs(reference["logits"]).max()
    for name, one in there.items():
        n_same = np.equal(one["choices"], reference["choices"]).sum()
        error = np.abs(np.subtract(one["logits"], reference["logits"])).max() / largest
        print(
            f"{name}: same choice as ours in float32 after {n_same} of {len(TEXT)} tokens; "
            f"largest logit difference {error:.1e} of the largest logit"
        )
        in_8_bits = name in ("ours int8", "llama.cpp q8_0")
        if not in_8_bits and (one["tokens"] != reference["tokens"] or error > CLOSE):
            raise SystemExit(f"{name} does not compute the same as ours in float32")


def inverse(targets: dict[str, float | None]) -> dict[str, float]:
    """Return targets for times from targets for tokens per second."""
    return {peer: 1 / target for peer, target in targets.items() if target is not None}


CONTESTANTS = {
    "ours": lambda name, n, _: ours(name, n, int8=False),
    "ours int8": lambda name, n, _: ours(name, n, int8=True),
    "transformers": lambda name, n, _: transformers(name, n),
    "llama.cpp f32": lambda _, n, path: llama(n, path, q8_0=False),
    "llama.cpp q8_0": lambda _, n, path: llama(n, path, q8_0=True),
}


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--model", choices=list(CONFIGS), default="gpt2")
    parser.add_argument("--tokens", type=int, default=64, help="at least 2")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](arguments.model, arguments.tokens, arguments.file)
        return
    name, targets_of = arguments.model, TARGETS[arguments.model]
    options = ["--model", name, "--tokens", arguments.tokens]
    with tempfile.TemporaryDirectory() as folder:
        there = [contestant_of(__file__, one, *options) for one in list(CONTESTANTS)[:3]]
        there += llama_contestants(name, Path(folder), options)
        contest(there, arguments.rounds)
    contestants = {contestant.name: contestant for contestant in there}
    rows = [
        (KINDS[mine], [contestants[one] for one in (mine, *targets)], inverse(targets))
        for mine, targets in targets_of.items()
    ]
    report("decode" if name == "gpt2" else f"decode_{name}", rows, arguments.out, COLUMNS)
    for mine, targets in targets_of.items():
        for peer, target in targets.items():
            if not contestants[peer].missing:
                times, low, high = ratio(contestants[mine], contestants[peer], "tokens_per_s")
                goal = "" if target is None else f", target {target}"
                print(
                    f"{mine}: {times:.2f} ({low:.2f} to {high:.2f}) times the tokens/s of "
                    f"{peer}{goal}"
                )
    check(contestants)


if __name__ == "__main__":
    main()
