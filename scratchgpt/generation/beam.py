"""Beam search: an approximate search for the most probable translations."""

import numpy as np

from scratchgpt.arguments import check_whole, real_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.generation.candidates import best_tokens
from scratchgpt.generation.continuation import CachedContinuation, PlainContinuation
from scratchgpt.generation.hypotheses import (
    ActiveHypotheses,
    Finished,
    Hypothesis,
    check_penalty,
)
from scratchgpt.memory import Arena
from scratchgpt.models import Transformer, TransformerConfig
from scratchgpt.threads import one_pool

MAX_BEAMS = 10_000
ROOM = 50  # tokens by which a translation may be longer than its source (Vaswani et al., 6.1)


def beam_search(
    model: Transformer,
    src: Array,
    *,
    end_of_text: int,
    n_beams: int = 4,
    alpha: float = 0.6,
    n_best: int = 1,
    max_length: int | Array | None = None,
    src_key_padding_mask: Array | None = None,
    use_cache: bool = True,
) -> list[list[Hypothesis]]:
    r"""Translate a batch of sentences.

    Each sentence has ``n_beams`` active hypotheses, which grow by one token per step. Each step
    ranks all continuations of all active hypotheses by probability; the model's ``padding_id`` is
    not a continuation. If one of the first ``n_beams``
    is ``end_of_text``, its hypothesis is finished. The first ``n_beams`` continuations that are not
    ``end_of_text`` are the new active hypotheses. Finished hypotheses are ranked by

    .. math:: s(Y) = \log P(Y \mid X) \,/\, lp(Y)

    with the :func:`length_penalty`. A sentence is done when no active hypothesis can become better
    than the worst of its n best. Log-probabilities never increase, so the score of an active
    hypothesis is at most its current log-probability divided by the largest penalty. Sentences that
    are done leave the batch.

    With one beam this is greedy decoding: it takes the most probable token at each step and stops
    at the first ``end_of_text``.

    Parameters
    ----------
    model : Transformer
    src : int array (B, S)
        Sources as in training: each ends with ``end_of_text``, then padding.
    end_of_text : int
        The token that a target starts from and ends with.
    n_beams : int
        At most 10,000.
    alpha : float
        Length penalty. 0 ranks by probability; higher values prefer longer translations.
    n_best : int
        Number of hypotheses to return per sentence, at most ``n_beams``.
    max_length : int or int array (B,), optional
        Maximum number of tokens of a hypothesis, end_of_text included. The default is that of the
        paper, the length of the source plus 50, limited by the positions of the model.
    src_key_padding_mask : bool array (B, S), optional
        True at padding; by default True where the source is the model's ``padding_id``.
    use_cache : bool
        Whether to cache keys and values of decoded positions. Without the cache, every token
        recomputes all positions; the result is the same.

    Returns
    -------
    hypotheses : list of lists of Hypothesis
        The n best hypotheses of each sentence, best first; fewer if fewer exist. If too few ended
        within ``max_length``, the best hypotheses that were cut off there follow at the end.

    Raises
    ------
    UserError
        If a sentence is empty, a number is out of range, or the logits are not finite.
    """
    config = model.config
    if src_key_padding_mask is None and config.padding_id is not None:
        src_key_padding_mask = src == config.padding_id
    end_of_text = check_whole("end_of_text", end_of_text, least=0)
    _check_numbers(n_beams, n_best, alpha, config)
    lengths = _source_lengths(src, src_key_padding_mask)
    limits = _limits(max_length, lengths, config.block_size)
    if not lengths.size:
        return []

    kind = CachedContinuation if use_cache else PlainContinuation
    with one_pool():
        continuation = kind(model, src, src_key_padding_mask, n_beams, int(limits.max()))
        active = ActiveHypotheses(n_beams, end_of_text, limits, alpha)
        finished = Finished(len(src), n_best)
        n_candidates = min(2 * n_beams + (config.padding_id is not None), config.vocab_size)
        arena = Arena()
        while active.sentences.size:
            targets = active.tokens.reshape(-1, active.tokens.shape[-1])  # (B K, T)
            with arena:
                logits = continuation.next_logits(targets)
                log_p, tokens = best_tokens(logits, n_candidates)  # (B K, m) each
            if config.padding_id is not None:
                log_p = np.where(tokens == config.padding_id, -np.inf, log_p)
            rows = active.advance(log_p, tokens, finished)
            if not np.array_equal(rows, np.arange(len(targets))):
                continuation.select(rows)
    return finished.hypotheses


def _check_numbers(n_beams: int, n_best: int, alpha: float, config: TransformerConfig) -> None:
    if check_whole("n_beams", n_beams) < 1:
        raise UserError(f"n_beams={n_beams} must be at least 1")
    if n_beams > MAX_BEAMS:
        raise UserError(f"n_beams={n_beams} must be at most {MAX_BEAMS}")
    if not 1 <= check_whole("n_best", n_best) <= n_beams:
        raise UserError(f"n_best={n_best} must be from 1 to the number of beams, {n_beams}")
    number = real_number(alpha)
    if number is None or not 0 <= number < np.inf:
        raise UserError(f"alpha={alpha} must be 0 (no length penalty) or more")
    check_penalty(number, config.block_size)
    if config.vocab_size < 2:
        raise UserError("beam search needs a vocabulary of at least two tokens; this has one")


def _source_lengths(src: Array, padding: Array | None) -> Array:
    """Return the number of tokens without padding of each source (B, S), as an array (B,)."""
    if src.ndim != 2:
        raise UserError(f"src must have the shape (B, S), got {src.shape}")
    if padding is not None and (padding.dtype != bool or padding.shape != src.shape):
        raise UserError(
            f"src_key_padding_mask must be bool {src.shape}, True at padding; got {padding.dtype} "
            f"{padding.shape}"
        )
    lengths = np.full(len(src), src.shape[1]) if padding is None else (~padding).sum(axis=1)
    if not lengths.all():
        raise UserError(
            f"sentence {int(np.argmin(lengths))} is empty; there is nothing to translate"
        )
    return lengths


def _limits(max_length: int | Array | None, source_lengths: Array, block_size: int) -> Array:
    """Return the maximum number of tokens of a hypothesis for each sentence, (B,)."""
    if max_length is None:
        return np.minimum(source_lengths + ROOM, block_size)
    limits = np.asarray(max_length)
    if limits.dtype.kind not in "iu" or limits.shape not in ((), source_lengths.shape):
        raise UserError(
            f"max_length={max_length} must be a whole number, or one for each of "
            f"{counted(len(source_lengths), 'sentence')}"
        )
    limits = np.broadcast_to(limits.astype(np.int64), source_lengths.shape)
    if limits.size and not 1 <= limits.min() <= limits.max() <= block_size:
        wrong = limits[(limits < 1) | (limits > block_size)][0]
        raise UserError(
            f"max_length={wrong} must be from 1 to the model's block_size of {block_size}"
        )
    return limits
