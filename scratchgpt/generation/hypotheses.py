"""The state of a beam search: active hypotheses, and the best finished ones."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError

FinishReason = Literal["end_of_text", "length"]


@dataclass(frozen=True)
class Hypothesis:
    r"""A translation that a search found.

    Attributes
    ----------
    tokens : int array (n,)
        Without the end_of_text token.
    score : float
        The log-probability divided by the length penalty. Hypotheses are ranked by it.
    log_probability : float
        :math:`\log P(Y \mid X)`, including the end_of_text token if the hypothesis has one.
    finish_reason : {"end_of_text", "length"}
        Whether the model ended the hypothesis, or it was cut off.
    """

    tokens: Array
    score: float
    log_probability: float
    finish_reason: FinishReason


def length_penalty(length: Any, alpha: float) -> Any:
    r"""Return the divisor of a log-probability that keeps a search from favoring short outputs.

    .. math:: lp(Y) = \frac{(5 + |Y|)^\alpha}{(5 + 1)^\alpha}

    Wu et al. 2016, arXiv:1609.08144, eq. 14. :math:`|Y|` counts the tokens whose
    probabilities are multiplied, including the end_of_text token.
    """
    return ((5 + length) / 6) ** alpha


def check_penalty(alpha: float, longest: int) -> None:
    """Raise UserError if a length penalty of up to ``longest`` tokens is not a finite number."""
    highest = (
        math.log(np.finfo(float).max) / math.log((5 + longest) / 6) if longest > 1 else math.inf
    )
    if alpha >= highest:
        raise UserError(
            f"alpha={alpha:g} is too large: the length penalty of {longest:,} tokens, which the "
            f"model allows, would overflow; choose less than {highest:.4g} (0.6 is usual)"
        )


class Finished:
    """The n best finished hypotheses of each sentence so far.

    Attributes
    ----------
    hypotheses : list of lists of Hypothesis
        Hypotheses of each sentence, best first.
    worst : float array (B,)
        The score that a new hypothesis must exceed; -inf for a sentence with fewer than n.
    """

    def __init__(self, n_sentences: int, n_best: int) -> None:
        self.n_best = n_best
        self.hypotheses: list[list[Hypothesis]] = [[] for _ in range(n_sentences)]
        self.worst = np.full(n_sentences, -np.inf)

    def add(self, sentence: int, hypothesis: Hypothesis) -> None:
        """Keep a hypothesis if it is among the n best; cut-off hypotheses rank last."""
        best = self.hypotheses[sentence]
        best.append(hypothesis)
        best.sort(key=lambda one: (one.finish_reason == "length", -one.score))
        del best[self.n_best :]
        if len(best) == self.n_best:
            self.worst[sentence] = best[-1].score


class ActiveHypotheses:
    """The unfinished hypotheses: K for each of the B sentences that are not done.

    K is 1 at first, then ``n_beams``, or less if fewer hypotheses exist.

    Attributes
    ----------
    sentences : int array (B,)
        Indices of the remaining sentences in the original batch.
    tokens : int array (B, K, T)
        The target of each hypothesis so far, including the end_of_text token at its start.
    log_p : float array (B, K)
        Log-probabilities of the hypotheses, best first.
    """

    def __init__(self, n_beams: int, end_of_text: int, limits: Array, alpha: float) -> None:
        self.n_beams = n_beams
        self.end_of_text = end_of_text
        self.alpha = alpha
        self.sentences = np.arange(len(limits))
        self.tokens = np.full((len(limits), 1, 1), end_of_text)
        self.log_p = np.zeros((len(limits), 1))
        self._limits = limits  # (B,)

    def advance(self, log_p: Array, tokens: Array, finished: Finished) -> Array:
        """Extend the hypotheses by one token, move ended ones to ``finished``, drop done sentences.

        Parameters
        ----------
        log_p, tokens : array (B K, m)
            The best next tokens of each hypothesis; m at least 2.
        finished : Finished

        Returns
        -------
        rows : int array (B' K,)
            For each new hypothesis, the row of the old hypothesis that it extends.
        """
        n_sentences, n_before = self.log_p.shape
        n_each = log_p.shape[-1]
        log_p = log_p.reshape(n_sentences, n_before, n_each) + self.log_p[:, :, None]
        log_p = log_p.reshape(n_sentences, -1)  # (B, K m)
        # At most one candidate per hypothesis ends it, so enough candidates remain active.
        order = np.argsort(-log_p, axis=1, kind="stable")[:, : 2 * self.n_beams]
        log_p = np.take_along_axis(log_p, order, axis=1)
        tokens = np.take_along_axis(tokens.reshape(n_sentences, -1), order, axis=1)
        parents = order // n_each
        ends = tokens == self.end_of_text
        self._finish(ends[:, : self.n_beams], log_p, parents, finished)

        n_now = min(self.n_beams, order.shape[1] - n_before)
        continuing = np.argsort(ends, axis=1, kind="stable")[:, :n_now]  # ended ones come last
        log_p = np.take_along_axis(log_p, continuing, axis=1)  # (B, K)
        tokens = np.take_along_axis(tokens, continuing, axis=1)
        parents = np.take_along_axis(parents, continuing, axis=1)
        rows = np.arange(n_sentences)[:, None] * n_before + parents
        before = self.tokens.reshape(n_sentences * n_before, -1)
        self.tokens = np.concatenate([before[rows], tokens[:, :, None]], axis=-1)
        self.log_p = log_p
        return self._leave(rows, finished)

    def _finish(self, ends: Array, log_p: Array, parents: Array, finished: Finished) -> None:
        """Move ended hypotheses that are good enough to ``finished``; ``ends`` is (B, K)."""
        length = self.tokens.shape[-1]  # includes the final token, not the start token
        scores = log_p[:, : ends.shape[1]] / length_penalty(length, self.alpha)
        good = ends & (scores > finished.worst[self.sentences, None])
        for row, place in zip(*np.nonzero(good), strict=True):
            tokens = self.tokens[row, parents[row, place], 1:]
            score, own = float(scores[row, place]), float(log_p[row, place])
            hypothesis = Hypothesis(tokens.copy(), score, own, "end_of_text")
            finished.add(int(self.sentences[row]), hypothesis)

    def _leave(self, rows: Array, finished: Finished) -> Array:
        """Drop the sentences that are done; return the remaining rows of ``rows`` (B, K)."""
        length = self.tokens.shape[-1] - 1
        worst = finished.worst[self.sentences]  # (B,)
        reachable = self.log_p[:, 0] / length_penalty(self._limits, self.alpha)
        done = reachable <= worst
        if self.n_beams == 1:  # greedy: the first hypothesis that ends is the result
            done |= worst > -np.inf
        for row in np.flatnonzero(~done & (length == self._limits)):
            self._cut_off(int(row), finished)
        left = ~done & (length < self._limits)
        if not left.all():
            self.sentences, self._limits = self.sentences[left], self._limits[left]
            self.tokens, self.log_p, rows = self.tokens[left], self.log_p[left], rows[left]
        return rows.reshape(-1)

    def _cut_off(self, row: int, finished: Finished) -> None:
        """Move hypotheses at their maximum length to ``finished``, in case too few have ended."""
        length = self.tokens.shape[-1] - 1
        penalty = length_penalty(length, self.alpha)
        for tokens, log_p in zip(self.tokens[row], self.log_p[row].tolist(), strict=True):
            if log_p > -np.inf:
                hypothesis = Hypothesis(tokens[1:].copy(), log_p / penalty, log_p, "length")
                finished.add(int(self.sentences[row]), hypothesis)
