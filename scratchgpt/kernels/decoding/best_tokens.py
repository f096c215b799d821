"""The most probable tokens of each row of logits; see :mod:`scratchgpt.generation.candidates`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.fast_math import exp

BLOCK = 64  # a block of logits is scanned one by one only if its maximum is high enough


@kernel
def _best(i, logits, log_p, tokens):
    n_vocab, n_best = logits.shape[1], log_p.shape[1]
    real = logits.dtype.type
    row, found, at = logits[i], log_p[i], tokens[i]
    for place in range(n_best):
        found[place] = -np.inf
        at[place] = 0
    for start in range(0, n_vocab, BLOCK):
        block = row[start : start + BLOCK]
        highest = real(-np.inf)
        for j in range(len(block)):
            highest = max(highest, block[j])
        if not highest > found[n_best - 1]:
            continue
        for j in range(len(block)):
            value = block[j]
            if not value > found[n_best - 1]:
                continue
            place = n_best - 1
            while place > 0 and value > found[place - 1]:
                found[place] = found[place - 1]
                at[place] = at[place - 1]
                place -= 1
            found[place] = value
            at[place] = start + j
    highest, total = row[at[0]], real(0)
    for j in range(n_vocab):
        total += exp(row[j] - highest)
    log_total = np.log(np.float64(total))
    for place in range(n_best):
        found[place] = found[place] - highest - log_total


def best_tokens(logits: Array, log_p: Array, tokens: Array) -> None:
    """Write the log-probabilities and ids of each row's best tokens, best first.

    Among equal tokens, the one with the lower id comes first.

    Parameters
    ----------
    logits : float array (n, V)
    log_p : float64 array (n, m)
        m is at most V.
    tokens : int64 array (n, m)
    """
    _best(len(logits), logits, log_p, tokens)
