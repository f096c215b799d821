"""Translate texts: tokenizer and batches around :func:`beam_search`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.generation.beam import beam_search
from scratchgpt.generation.hypotheses import FinishReason
from scratchgpt.generation.text import check_tokenizer
from scratchgpt.models import Transformer
from scratchgpt.text import Tokenizer
from scratchgpt.threads import one_pool


@dataclass(frozen=True)
class Translation:
    """One translation of one text.

    Attributes
    ----------
    text : str
    score, log_probability : float
        See :class:`Hypothesis`.
    finish_reason : {"end_of_text", "length"}
        Whether the model ended the translation, or it was cut off.
    source_tokens : int array (S,)
        Tokens of the source, end_of_text included.
    tokens : int array (T,)
        Tokens of the translation, without end_of_text.
    """

    text: str
    score: float
    log_probability: float
    finish_reason: FinishReason
    source_tokens: Array
    tokens: Array


def translate(
    model: Transformer,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    n_beams: int = 4,
    alpha: float = 0.6,
    max_length: int | None = None,
    batch_size: int = 64,
    on_progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Return the best translation of each text; for parameters see :func:`translate_n_best`."""
    best = translate_n_best(
        model,
        tokenizer,
        texts,
        n_beams=n_beams,
        alpha=alpha,
        max_length=max_length,
        batch_size=batch_size,
        on_progress=on_progress,
    )
    return [translations[0].text for translations in best]


def translate_n_best(
    model: Transformer,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    n_best: int = 1,
    n_beams: int = 4,
    alpha: float = 0.6,
    max_length: int | None = None,
    batch_size: int = 64,
    on_progress: Callable[[int], None] | None = None,
) -> list[list[Translation]]:
    """Return the n best translations of each text.

    Texts of similar length are translated in one batch. Each is translated as if it were alone, up
    to the rounding of matrix products of another size.

    Parameters
    ----------
    model : Transformer
    tokenizer : Tokenizer
        The tokenizer that the model was trained with.
    texts : sequence of str
    n_best, n_beams, alpha, max_length
        See :func:`beam_search`.
    batch_size : int
        Number of texts per batch.
    on_progress : callable, optional
        Called after each batch with the number of texts translated so far.

    Returns
    -------
    translations : list of lists of Translation
        Translations of each text, in the order of ``texts``, best first.

    Raises
    ------
    UserError
        If a text is empty, longer than the model's positions, or has characters that are not in the
        tokenizer's vocabulary; if the tokenizer does not belong to the model; or if
        :func:`beam_search` rejects an argument.
    """
    check_tokenizer(model, tokenizer)
    if isinstance(texts, str):
        raise TypeError("texts must be a list of strings, not one string")
    if check_whole("batch_size", batch_size) < 1:
        raise UserError(f"batch_size={batch_size} must be at least 1")
    end_of_text = tokenizer.end_of_text
    if end_of_text is None:
        raise UserError(
            "the tokenizer has no end_of_text token, which must end every translation; "
            "use the tokenizer.json that was saved with the model"
        )
    block_size = model.config.block_size
    sources = [
        _encode(text, f"text {i} of {len(texts)}", tokenizer, end_of_text, block_size)
        for i, text in enumerate(texts, 1)
    ]
    order = np.argsort([len(source) for source in sources], kind="stable")
    results: list[list[Translation]] = [[] for _ in texts]
    with one_pool():
        for first in range(0, len(texts), batch_size):
            chosen = order[first : first + batch_size]
            src, padding = _pad([sources[i] for i in chosen], end_of_text)
            found = beam_search(
                model,
                src,
                end_of_text=end_of_text,
                n_beams=n_beams,
                alpha=alpha,
                n_best=n_best,
                max_length=max_length,
                src_key_padding_mask=padding,
            )
            for i, hypotheses in zip(chosen, found, strict=True):
                results[i] = [
                    Translation(
                        tokenizer.decode(h.tokens),
                        h.score,
                        h.log_probability,
                        h.finish_reason,
                        sources[i],
                        h.tokens,
                    )
                    for h in hypotheses
                ]
            if on_progress:
                on_progress(first + len(chosen))
    return results


def _encode(text: str, name: str, tokenizer: Tokenizer, end_of_text: int, block_size: int) -> Array:
    """Encode a source as in training, with end_of_text at its end."""
    if not text.strip():
        raise UserError(f"{name} is empty; there is nothing to translate")
    tokens = np.append(tokenizer.encode(text), end_of_text)
    if len(tokens) > block_size:
        raise UserError(
            f"{name} has {counted(len(tokens), 'token')}, more than the "
            f"{counted(block_size, 'position')} of the model; split it into parts"
        )
    return tokens


def _pad(sources: Sequence[Array], filler: int) -> tuple[Array, Array]:
    """Return padded sources (B, S), and a mask that is True at padding."""
    lengths = np.array([len(source) for source in sources])
    padding = np.arange(lengths.max()) >= lengths[:, None]
    src = np.full(padding.shape, filler)
    src[~padding] = np.concatenate(sources)
    return src, padding
