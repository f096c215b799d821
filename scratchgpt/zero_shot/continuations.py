"""Log-probabilities of several continuations of one prompt, with one cache for the prompt."""

from collections.abc import Iterator, Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.layers import KVCache, SharedLayer
from scratchgpt.models import GPT
from scratchgpt.ops.cross_entropy import cross_entropy_forward

MOST_LOGITS = 1 << 22  # computed at a time


def log_probabilities(model: GPT, prompt: Array, continuations: Sequence[Array]) -> list[Array]:
    """Return the log-probability of each token of each continuation of a prompt.

    The prompt is processed once. All continuations are then processed in one batch, whose texts
    share the keys and values of the prompt.

    Parameters
    ----------
    model : GPT
    prompt : int array (P,)
        At least one token.
    continuations : sequence of int array (T,)
        At least one token each. The prompt and a continuation without its last token must fit into
        the model.

    Returns
    -------
    log_p : list of float64 array (T,)

    Raises
    ------
    UserError
        If the model's logits are not finite.
    """
    cache = model.new_cache(1, len(prompt))
    first = model.absorb(prompt[None], cache, np.array([len(prompt)]))[:, -1]  # (1, C)
    lengths = np.array([len(tokens) for tokens in continuations])
    n_rows, n_new = len(lengths), lengths.max() - 1  # the last token predicts nothing
    states = np.repeat(first[None], n_rows, axis=0)  # (L, 1, C)
    targets = np.zeros((n_rows, n_new + 1), np.int64)  # padded on the right
    for row, tokens in zip(targets, continuations, strict=True):
        row[: len(tokens)] = tokens
    if n_new:
        states = np.concatenate([states, _extended(model, targets[:, :-1], cache)], axis=1)
    is_real = np.arange(n_new + 1) < lengths[:, None]  # (L, T)
    log_p = _log_p(model, states[is_real], targets[is_real])
    return np.split(log_p, np.cumsum(lengths)[:-1])


def _extended(model: GPT, tokens: Array, prompt: KVCache) -> Array:
    """Process tokens (L, T) of texts after the prompt in a cache of one row -> x (L, T, C)."""
    n_rows, n_new = tokens.shape
    n_prompt = int(prompt.lengths[0])
    model.config.check_length(n_prompt + n_new)
    positions = np.arange(n_prompt, n_prompt + n_new)
    transformer = model.transformer
    x, rotation = transformer.embed(tokens, positions)
    windows = [model.config.window(i) for i in range(model.config.n_layer)]
    caches = _shared(prompt, n_rows, n_new, windows)
    return transformer.stack.extend(x, ([cache, rotation] for cache in caches))


def _shared(
    prompt: KVCache, n_rows: int, n_new: int, windows: list[int | None]
) -> Iterator[SharedLayer]:
    """Yield the cache of each layer: place 0 has the prompt, and text r writes to place r."""
    n_layer, _, n_head, n_prompt, size = prompt.keys.shape
    places = np.zeros((n_rows, n_prompt + n_new), np.int64)
    places[:, n_prompt:] = np.arange(n_rows)[:, None]
    shape = (n_rows, n_head, n_prompt + n_new, size)
    for i in range(n_layer):
        keys, values = (np.zeros(shape, prompt.keys.dtype) for _ in range(2))
        keys[0, :, :n_prompt], values[0, :, :n_prompt] = prompt.keys[i, 0], prompt.values[i, 0]
        yield SharedLayer(keys, values, places, n_prompt, windows[i])


def _log_p(model: GPT, states: Array, targets: Array) -> Array:
    """states (N, C), targets (N,) -> log-probability of each target (N,), in float64"""
    log_p = np.empty(len(targets))
    n_at_once = max(1, MOST_LOGITS // model.config.vocab_size)
    for start in range(0, len(targets), n_at_once):
        some = slice(start, start + n_at_once)
        logits = model.lm_head.forward(np.ascontiguousarray(states[some]))[0]
        log_p[some] = -cross_entropy_forward(logits, targets[some], reduction="none")[0]
    if not np.isfinite(log_p).all():
        raise UserError(
            "the model's logits are NaN or infinite: its weights are damaged, or its training "
            "diverged; use an earlier checkpoint"
        )
    return log_p
