"""How well a model translates: BLEU and chrF, or exact match where one translation is right."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.evaluation.exact_match import exact_dates
from scratchgpt.generation import translate
from scratchgpt.memory import Arena
from scratchgpt.models import Transformer
from scratchgpt.ops.cross_entropy import IGNORE_INDEX
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.registry import DATES
from scratchgpt.text import (
    PairBatches,
    ParallelText,
    Tokenizer,
    encode_pairs,
    read_pairs,
    training_pairs,
)

N_EXAMPLES = 5  # that are shown
TOKENS_PER_BATCH = 4096


def evaluate_translation(
    model: Transformer,
    tokenizer: Tokenizer,
    run: RunConfig | None,
    words: Sequence[str],
    *,
    n_beams: int,
    alpha: float,
) -> tuple[dict[str, Any], list[str]]:
    """What is measured, for a program and as lines for a person.

    Parameters
    ----------
    model : Transformer
    tokenizer : Tokenizer
    run : RunConfig, optional
        Of the model; its own pairs are taken where there are no ``words``.
    words : sequence of str
        The pairs to evaluate on.
    n_beams, alpha
        As for :func:`scratchgpt.generation.translate`.
    """
    if tuple(words or (run.corpus if run else ())) == (DATES,):
        match = exact_dates(model, tokenizer, n_beams=n_beams, alpha=alpha)
        record = {"task": DATES, "exact_match": match.fraction, "n_problems": match.n}
        lines = [f"exact match    {match.fraction:.2%} of {match.n:,} dates not trained on"]
        lines += [f"wrong          {wrong}" for wrong, _ in match.failures[:N_EXAMPLES]]
        return record, lines
    bleu, chrf = _metrics()
    pairs, name = _pairs(run, words)
    loss = _loss(model, tokenizer, pairs)
    began = time.perf_counter()
    given = translate(
        model,
        tokenizer,
        pairs.source,
        n_beams=n_beams,
        alpha=alpha,
        on_progress=lambda n: print(f"{n:,} of {len(pairs):,} translated", file=sys.stderr),
    )
    seconds = time.perf_counter() - began
    scores = [metric.corpus_score(given, [pairs.target]).score for metric in (*bleu, chrf)]
    signatures = [str(metric.get_signature()) for metric in (*bleu, chrf)]
    record = {
        "text": name,
        "bleu": scores[0],
        "bleu_lowercase": scores[1],
        "chrf": scores[2],
        "signatures": signatures,
        "loss": loss,
        "n_pairs": len(pairs),
        "beams": n_beams,
        "alpha": alpha,
        "seconds": seconds,
        "examples": [
            {"source": source, "translation": own, "reference": right}
            for source, own, right in zip(pairs.source, given, pairs.target, strict=True)
        ][:N_EXAMPLES],
    }
    lines = [
        f"BLEU           {scores[0]:.2f} ({signatures[0]})",
        f"  lower-cased  {scores[1]:.2f}",
        f"chrF           {scores[2]:.2f} ({signatures[2]})",
        f"loss           {loss:.4f} nats a token",
        f"pairs          {len(pairs):,} of {name}, with {n_beams} beams and alpha {alpha:g}, "
        f"{len(pairs) / seconds:.1f} a second",
    ]
    return record, lines


def _metrics() -> tuple[tuple[Any, Any], Any]:
    """BLEU, once with upper and lower case and once without, and chrF."""
    try:
        from sacrebleu.metrics import BLEU, CHRF
    except ImportError:
        raise UserError(
            "BLEU and chrF need sacrebleu; install it with "
            "pip install 'scratchgpt-numpy[translation]'"
        ) from None
    return (BLEU(), BLEU(lowercase=True)), CHRF()


def _pairs(run: RunConfig | None, words: Sequence[str]) -> tuple[ParallelText, str]:
    """The pairs to evaluate on, and what to call them."""
    if words:
        pairs = read_pairs(words, "test")
        name = " and ".join(words)
        return pairs, f"the test part of {name}" if pairs.has_splits else name
    assert run is not None
    name = " and ".join(run.corpus)
    pairs = read_pairs(run.corpus, "test")
    if pairs.has_splits:
        return pairs, f"the test part of {name}"
    return training_pairs(run.corpus, run.val_fraction)[1], f"the validation part of {name}"


def _loss(model: Transformer, tokenizer: Tokenizer, text: ParallelText) -> float:
    """Mean cross-entropy in nats a token, of the pairs that the model has positions for."""
    assert tokenizer.end_of_text is not None
    assert tokenizer.padding is not None
    pairs = encode_pairs(text, tokenizer).within(model.config.block_size)
    batches = PairBatches(
        pairs,
        pairs,
        tokens_per_batch=TOKENS_PER_BATCH,
        seed=0,
        end_of_text=tokenizer.end_of_text,
        padding=tokenizer.padding,
    )
    arena = Arena()
    total, n_tokens = 0.0, 0
    for source, target, targets in batches.validation_batches():
        n = int((targets != IGNORE_INDEX).sum())
        with arena:
            total += n * float(model.loss(source, target, targets)[0])
        n_tokens += n
    return total / n_tokens
