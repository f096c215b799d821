"""Beam search with four beams compared with PyTorch, with and without a cache, on an equal model.

    python benchmarks/translation_decode.py                         random weights and sentences
    python benchmarks/translation_decode.py --model DIR --file F    a trained model, a text per line

The random sentences have lengths like those of Multi30k, and so have their translations, each of
which is cut off at a random length. The loops of PyTorch are in ``torch_decode.py``: one runs the
decoder of ``torch.nn.Transformer`` over whole hypotheses for each new token, the other caches keys
and values like ours. All programs encode each sentence once and decode the same batches; sentences
that are done leave their batch. They must find the same translations with the same scores.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from interleave import Contestant, benchmark_parser, contest, contestant_of, ratio
from measure import median_seconds, print_result
from multi30k_like import random_lengths
from report import report

from scratchgpt.generation import Hypothesis, beam_search
from scratchgpt.models import Transformer, TransformerConfig

TARGETS = {"torch, no cache": 3.0, "torch, cache": 1.0}  # ratio of sentences per second
N_SENTENCES, BATCH, N_BEAMS, ALPHA = 128, 32, 4, 0.6
END_OF_TEXT, PADDING = 0, 1
CLOSE = 1e-4  # relative tolerance of the scores


class Batch(NamedTuple):
    src: np.ndarray  # (B, S)
    padding: np.ndarray  # (B, S)
    limits: np.ndarray  # (B,)


class Problem(NamedTuple):
    model: Transformer
    end_of_text: int
    batches: list[Batch]
    n_sentences: int


def random_problem() -> Problem:
    """Return the small model with random weights, and random sentences sorted by length."""
    rng = np.random.default_rng(0)
    model = Transformer(TransformerConfig.from_preset("transformer-small", padding_id=PADDING))
    sharpen(model)
    lengths = np.sort(random_lengths(rng, N_SENTENCES))
    limits = np.maximum(lengths + rng.integers(-3, 4, N_SENTENCES), 2)
    vocab_size = model.config.vocab_size
    sources = [np.append(rng.integers(2, vocab_size, n - 1), END_OF_TEXT) for n in lengths]
    return Problem(model, END_OF_TEXT, batched(sources, limits), N_SENTENCES)


def sharpen(model: Transformer) -> None:
    """Scale random weights so that some tokens are much more probable than others, the end never.

    The head is the embedding table, so without large matrices each token would follow itself.
    """
    for name, parameter in model.store.named.items():
        if parameter.decays and "wte" not in name:
            parameter.value *= 2.0
    model.decoder.ln_f.weight.value *= 2.0
    model.decoder.embedding.wte.weight.value[END_OF_TEXT] = 0.0


def trained_problem(folder: Path, file: Path) -> Problem:
    """Return one of our models, and the texts of a file sorted by length."""
    from scratchgpt.generation.beam import ROOM
    from scratchgpt.models import load_pretrained
    from scratchgpt.text import load_tokenizer

    model, tokenizer = load_pretrained(folder), load_tokenizer(folder)
    end_of_text = tokenizer.end_of_text
    texts = file.read_text(encoding="utf-8").splitlines()
    sources = sorted((np.append(tokenizer.encode(t), end_of_text) for t in texts), key=len)
    limits = np.minimum([len(source) + ROOM for source in sources], model.config.block_size)
    return Problem(model, end_of_text, batched(sources, limits), len(texts))


def batched(sources: list[np.ndarray], limits: np.ndarray) -> list[Batch]:
    batches = []
    for first in range(0, len(sources), BATCH):
        chosen = sources[first : first + BATCH]
        lengths = np.array([len(source) for source in chosen])
        padding = np.arange(lengths.max()) >= lengths[:, None]
        src = np.full(padding.shape, PADDING)
        src[~padding] = np.concatenate(chosen)
        batches.append(Batch(src, padding, limits[first : first + BATCH]))
    return batches


def measure(problem: Problem, translate) -> None:
    """Time the translation of all batches, and print the translations found."""
    found: list[list[Hypothesis]] = []

    def run() -> None:
        found.clear()
        for batch in problem.batches:
            found.extend(translate(batch))

    seconds = median_seconds(run, warm_up=1)
    print_result(
        seconds,
        sentences_per_s=problem.n_sentences / seconds,
        translations=[hypotheses[0].tokens.tolist() for hypotheses in found],
        scores=[hypotheses[0].score for hypotheses in found],
    )


def ours(problem: Problem) -> None:
    def translate(batch: Batch) -> list[list[Hypothesis]]:
        return beam_search(
            problem.model,
            batch.src,
            end_of_text=problem.end_of_text,
            n_beams=N_BEAMS,
            alpha=ALPHA,
            max_length=batch.limits,
            src_key_padding_mask=batch.padding,
        )

    measure(problem, translate)


def torch_search(problem: Problem, *, cached: bool) -> None:
    from torch_decode import Cached, Plain, search
    from torch_transformer import TorchTransformer

    model = TorchTransformer(problem.model).eval()
    kind = Cached if cached else Plain

    def translate(batch: Batch) -> list[list[Hypothesis]]:
        return search(kind, model, *batch, problem.end_of_text, N_BEAMS, ALPHA)

    measure(problem, translate)


CONTESTANTS = {
    "ours": ours,
    "torch, no cache": lambda problem: torch_search(problem, cached=False),
    "torch, cache": lambda problem: torch_search(problem, cached=True),
}


def check(reference: Contestant, peer: Contestant) -> None:
    """Exit if a peer found other translations, except for ties up to rounding."""
    mine, theirs = reference.rounds[0], peer.rounds[0]
    error = np.abs(np.subtract(mine["scores"], theirs["scores"])) / np.abs(mine["scores"])
    pairs = zip(mine["translations"], theirs["translations"], strict=True)
    n_same = sum(one == other for one, other in pairs)
    print(
        f"{peer.name}: {n_same} of {len(error)} translations equal ours; "
        f"largest relative score difference {error.max():.1e}"
    )
    if error.max() > CLOSE or n_same < 0.99 * len(error):
        raise SystemExit(f"{peer.name} does not compute the same as ours")


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--model", type=Path, help="folder with a model and its tokenizer")
    parser.add_argument("--file", type=Path, help="texts to translate, one per line")
    arguments = parser.parse_args()
    if (arguments.model is None) != (arguments.file is None):
        parser.error("--model and --file need each other; give both or neither")
    options = []
    if arguments.model:
        options = ["--model", arguments.model, "--file", arguments.file]
    if arguments.contestant:
        trained = trained_problem(*options[1::2]) if options else None
        CONTESTANTS[arguments.contestant](trained or random_problem())
        return
    contestants = [contestant_of(__file__, name, *options) for name in CONTESTANTS]
    contest(contestants, arguments.rounds)
    targets = {peer: 1 / target for peer, target in TARGETS.items()}
    columns = {"sentences/s": ("sentences_per_s", "{:.1f}")}
    name = "trained model" if options else "random weights"
    report("translation_decode", [(name, contestants, targets)], arguments.out, columns)
    mine, *peers = contestants
    for peer in peers:
        if peer.missing:
            continue
        times, low, high = ratio(mine, peer, "sentences_per_s")
        print(
            f"{times:.2f} ({low:.2f} to {high:.2f}) times the sentences/s of {peer.name}, "
            f"target {TARGETS[peer.name]}",
            file=sys.stderr,
        )
        check(mine, peer)


if __name__ == "__main__":
    main()
