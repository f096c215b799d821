"""What a beam search holds: hypotheses that still grow, and the best that are finished."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scratchgpt.backend import Array

FinishReason = Literal["end_of_text", "length"]


@dataclass(frozen=True)
class Hypothesis:
    r"""A translation that a search found.

    Attributes
    ----------
    tokens : int array (n,)
        Without the end_of_text token.
    score : float
        The log-probability divided by the length penalty; what hypotheses are ranked by.
    log_probability : float
        :math:`\log P(Y \mid X)`, of the end_of_text token too where there is one.
    finish_reason : {"end_of_text", "length"}
        The model ended it, or it was cut off.
    """

    tokens: Array
    score: float
    log_probability: float
    finish_reason: FinishReason


def length_penalty(length: Any, alpha: float) -> Any:
    r"""What a log-probability is divided by, lest a search prefers short translations.

    .. math:: lp(Y) = \frac{(5 + |Y|)^\alpha}{(5 + 1)^\alpha}

    Wu et al. 2016, arXiv:1609.08144, eq. 14. :math:`|Y|` counts the tokens whose
    probabilities are multiplied, so the end_of_text token too.
    """
    return ((5 + length) / 6) ** alpha


class Finished:
    """The n best finished hypotheses of each sentence so far.

    Attributes
    ----------
    hypotheses : list of lists of Hypothesis
        The best first.
    worst : float array (B,)
        The score that a new one must exceed; -inf where there are not n yet.
    """

    def __init__(self, n_sentences: int, n_best: int) -> None:
        self.n_best = n_best
        self.hypotheses: list[list[Hypothesis]] = [[] for _ in range(n_sentences)]
        self.worst = np.full(n_sentences, -np.inf)

    def add(self, sentence: int, hypothesis: Hypothesis) -> None:
        """Keep a hypothesis if it is among the n best. Those that were cut off come last."""
        best = self.hypotheses[sentence]
        best.append(hypothesis)
        best.sort(key=lambda one: (one.finish_reason == "length", -one.score))
        del best[self.n_best :]
        if len(best) == self.n_best:
            self.worst[sentence] = best[-1].score


class Live:
    """The hypotheses that still grow, K of each of the B sentences that are not done.

    K is 1 at first, then ``n_beams``, or as many as there can be.

    Attributes
    ----------
    sentences : int array (B,)
        Which of the sentences that it began with these are.
    tokens : int array (B, K, T)
        The target of each hypothesis so far, from the end_of_text token that it starts with.
    log_p : float array (B, K)
        Their log-probabilities, the best first.
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
        """Grow by one token; what ends goes to ``finished``, and sentences that are done leave.

        Parameters
        ----------
        log_p, tokens : array (B K, m)
            The best tokens that may follow each hypothesis; m at least 2.
        finished : Finished

        Returns
        -------
        rows : int array (B' K,)
            Of each hypothesis now, the row of the one that it continues.
        """
        n_sentences, n_before = self.log_p.shape
        n_each = log_p.shape[-1]
        log_p = log_p.reshape(n_sentences, n_before, n_each) + self.log_p[:, :, None]
        log_p = log_p.reshape(n_sentences, -1)  # (B, K m)
        # At most one candidate of each hypothesis ends it, so that enough are there to live on.
        order = np.argsort(-log_p, axis=1, kind="stable")[:, : 2 * self.n_beams]
        log_p = np.take_along_axis(log_p, order, axis=1)
        tokens = np.take_along_axis(tokens.reshape(n_sentences, -1), order, axis=1)
        parents = order // n_each
        ends = tokens == self.end_of_text
        self._finish(ends[:, : self.n_beams], log_p, parents, finished)

        n_now = min(self.n_beams, order.shape[1] - n_before)
        going_on = np.argsort(ends, axis=1, kind="stable")[:, :n_now]  # those that end come last
        log_p = np.take_along_axis(log_p, going_on, axis=1)  # (B, K)
        tokens = np.take_along_axis(tokens, going_on, axis=1)
        parents = np.take_along_axis(parents, going_on, axis=1)
        rows = np.arange(n_sentences)[:, None] * n_before + parents
        before = self.tokens.reshape(n_sentences * n_before, -1)
        self.tokens = np.concatenate([before[rows], tokens[:, :, None]], axis=-1)
        self.log_p = log_p
        return self._leave(rows, finished)

    def _finish(self, ends: Array, log_p: Array, parents: Array, finished: Finished) -> None:
        """Hand over the hypotheses that end, where they are good enough; ``ends`` is (B, K)."""
        length = self.tokens.shape[-1]  # with the token that ends, without the one that starts
        scores = log_p[:, : ends.shape[1]] / length_penalty(length, self.alpha)
        good = ends & (scores > finished.worst[self.sentences, None])
        for row, place in zip(*np.nonzero(good), strict=True):
            tokens = self.tokens[row, parents[row, place], 1:]
            score, own = float(scores[row, place]), float(log_p[row, place])
            hypothesis = Hypothesis(tokens.copy(), score, own, "end_of_text")
            finished.add(int(self.sentences[row]), hypothesis)

    def _leave(self, rows: Array, finished: Finished) -> Array:
        """Let go of the sentences that are done; of ``rows`` (B, K) those that are left."""
        length = self.tokens.shape[-1] - 1
        worst = finished.worst[self.sentences]  # (B,)
        reachable = self.log_p[:, 0] / length_penalty(self._limits, self.alpha)
        done = reachable <= worst
        if self.n_beams == 1:  # greedy: what ends first is the answer
            done |= worst > -np.inf
        for row in np.flatnonzero(~done & (length == self._limits)):
            self._cut_off(int(row), finished)
        left = ~done & (length < self._limits)
        if not left.all():
            self.sentences, self._limits = self.sentences[left], self._limits[left]
            self.tokens, self.log_p, rows = self.tokens[left], self.log_p[left], rows[left]
        return rows.reshape(-1)

    def _cut_off(self, row: int, finished: Finished) -> None:
        """Hand over hypotheses that may not grow, to stand where too few have ended."""
        length = self.tokens.shape[-1] - 1
        penalty = length_penalty(length, self.alpha)
        for tokens, log_p in zip(self.tokens[row], self.log_p[row].tolist(), strict=True):
            if log_p > -np.inf:
                hypothesis = Hypothesis(tokens[1:].copy(), log_p / penalty, log_p, "length")
                finished.add(int(self.sentences[row]), hypothesis)
