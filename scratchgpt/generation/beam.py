"""Beam search: the translations that a model finds the most probable, or nearly so."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.generation.candidates import best_tokens
from scratchgpt.generation.continuation import CachedContinuation, PlainContinuation
from scratchgpt.generation.hypotheses import Finished, Hypothesis, Live
from scratchgpt.memory import Arena
from scratchgpt.models import Transformer
from scratchgpt.threads import one_pool

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

    Each sentence has ``n_beams`` live hypotheses, which grow by a token a step. Of all tokens that
    may follow all of them, the most probable ``n_beams`` are looked at: where one is
    ``end_of_text`` it finishes its hypothesis. The most probable ``n_beams`` that are not live on.
    Finished hypotheses are ranked by

    .. math:: s(Y) = \log P(Y \mid X) \,/\, lp(Y)

    with the :func:`length_penalty`. A sentence is done when no live hypothesis can become better
    than the worst of its n best: log-probabilities only fall, so a live one can reach at most its
    own divided by the largest penalty. Sentences that are done leave the batch.

    With one beam this is greedy decoding, which takes the most probable token each time and is
    done with the first ``end_of_text``.

    Parameters
    ----------
    model : Transformer
    src : int array (B, S)
        Sources as in training: each ended, then padded.
    end_of_text : int
        The token that a target starts from and ends with.
    n_beams : int
    alpha : float
        0 ranks by probability; more of it prefers longer translations.
    n_best : int
        How many hypotheses of each sentence are asked for, at most ``n_beams``.
    max_length : int or int array (B,), optional
        The most tokens of a hypothesis, end_of_text included. By default, as in the paper, those of
        the source and 50 more, as far as the model has positions.
    src_key_padding_mask : bool array (B, S), optional
        True where the source is padding; by default where it is the model's ``padding_id``.
    use_cache : bool
        Keep keys and values of what was decoded. Without, everything is computed anew for each
        token, with the same result.

    Returns
    -------
    hypotheses : list of lists of Hypothesis
        Of each sentence the n best, the best first; fewer where there are no more. If too few
        ended within ``max_length``, the best of those that were cut off there come behind.

    Raises
    ------
    UserError
        If a sentence is empty, a number is out of range, or the logits are not finite.
    """
    config = model.config
    if src_key_padding_mask is None and config.padding_id is not None:
        src_key_padding_mask = src == config.padding_id
    _check_numbers(n_beams, n_best, alpha, config.vocab_size)
    lengths = _source_lengths(src, src_key_padding_mask)
    limits = _limits(max_length, lengths, config.block_size)
    if not lengths.size:
        return []

    kind = CachedContinuation if use_cache else PlainContinuation
    with one_pool():
        continuation = kind(model, src, src_key_padding_mask, n_beams, int(limits.max()))
        live = Live(n_beams, end_of_text, limits, alpha)
        finished = Finished(len(src), n_best)
        n_candidates = min(2 * n_beams, config.vocab_size)
        arena = Arena()
        while live.sentences.size:
            targets = live.tokens.reshape(-1, live.tokens.shape[-1])  # (B K, T)
            with arena:
                logits = continuation.next_logits(targets)
                log_p, tokens = best_tokens(logits, n_candidates)  # (B K, m) each
            rows = live.advance(log_p, tokens, finished)
            if not np.array_equal(rows, np.arange(len(targets))):
                continuation.select(rows)
    return finished.hypotheses


def _check_numbers(n_beams: int, n_best: int, alpha: float, vocab_size: int) -> None:
    if n_beams < 1:
        raise UserError(f"n_beams={n_beams} must be at least 1")
    if not 1 <= n_best <= n_beams:
        raise UserError(f"n_best={n_best} must be from 1 to the number of beams, {n_beams}")
    if not 0 <= alpha < np.inf:
        raise UserError(f"alpha={alpha} must be 0 (no length penalty) or more")
    if vocab_size < 2:
        raise UserError("with a vocabulary of one token there is nothing to search")


def _source_lengths(src: Array, padding: Array | None) -> Array:
    """How many tokens of each source (B, S) are not padding, (B,)."""
    if src.ndim != 2:
        raise UserError(f"src must be sentences (B, S), got an array {src.shape}")
    lengths = np.full(len(src), src.shape[1]) if padding is None else (~padding).sum(axis=1)
    if not lengths.all():
        raise UserError(
            f"sentence {int(np.argmin(lengths))} is empty; there is nothing to translate"
        )
    return lengths


def _limits(max_length: int | Array | None, source_lengths: Array, block_size: int) -> Array:
    """The most tokens of a hypothesis of each sentence, (B,)."""
    if max_length is None:
        return np.minimum(source_lengths + ROOM, block_size)
    limits = np.broadcast_to(np.asarray(max_length), source_lengths.shape)
    if limits.size and not 1 <= limits.min() <= limits.max() <= block_size:
        wrong = limits[(limits < 1) | (limits > block_size)][0]
        raise UserError(
            f"max_length={wrong} must be from 1 to the model's block_size of {block_size}"
        )
    return limits
