r"""A linear Bradley-Terry model on words and pairs of words: the baseline of reward models.

The score of a text with the counts x of its features is :math:`w^\top x`, and the probability that
text i is preferred to text j is :math:`\sigma(w^\top (x_i - x_j))` (Bradley and Terry 1952, "Rank
analysis of incomplete block designs"). The weights minimize

.. math::

    \sum_p -v_p \log \sigma(w^\top d_p) + \frac{\lambda}{2} \|w\|^2, \qquad
    d_p = x_{\mathrm{winner}} - x_{\mathrm{loser}}
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import plain, real_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.evaluation.naive_bayes import with_pairs
from scratchgpt.evaluation.word_counts import WordCounts

# L-BFGS stops when no element of the gradient is larger.
GRADIENT = 1e-6


class BradleyTerry:
    """Scores texts by their words, learned from preferences.

    Parameters
    ----------
    documents : sequence of sequences of str
        The words of each text.
    pairs : sequence of (int, int)
        The index of the better text, and of the other.
    weights : sequence of float, optional
        The weight of each pair; by default 1.
    penalty : float
        The factor lambda of the squared weights.

    Raises
    ------
    UserError
        If there are no pairs, or ``penalty`` is not above 0.

    Examples
    --------
    >>> from scratchgpt.evaluation import BradleyTerry
    >>> model = BradleyTerry([["good"], ["bad"], ["so", "bad"]], [(0, 1), (0, 2)])
    >>> good, bad = model.scores([["so", "good"], ["bad", "indeed"]])
    >>> bool(good > bad)
    True
    """

    def __init__(
        self,
        documents: Sequence[Sequence[str]],
        pairs: Sequence[tuple[int, int]],
        weights: Sequence[float] | None = None,
        *,
        penalty: float = 1.0,
    ) -> None:
        from scipy.optimize import minimize

        if not len(pairs):
            raise UserError("there are no preferences to learn from; give at least one pair")
        number = real_number(penalty)
        if number is None or not 0 < number < np.inf:
            raise UserError(f"penalty={plain(penalty)!r} must be a number above 0")
        counts = WordCounts.of(map(with_pairs, documents))
        self._vocabulary = counts.vocabulary
        table = _table(counts)
        winners, losers = np.array(pairs).T
        difference = table[winners] - table[losers]  # (P, V)
        of_pair = np.ones(len(pairs)) if weights is None else np.asarray(weights, float)

        def loss_and_gradient(w: Array) -> tuple[float, Array]:
            loss, saved = bradley_terry_loss_forward(difference, w, of_pair, number)
            return loss, bradley_terry_loss_backward(1.0, saved)

        found = minimize(
            loss_and_gradient,
            np.zeros(len(self._vocabulary)),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 10_000, "maxfun": 20_000, "ftol": 0.0, "gtol": GRADIENT},
        )
        self.weight: Array = found.x  # (V,)

    def scores(self, documents: Sequence[Sequence[str]]) -> Array:
        """Score texts (n,); features that are new are ignored."""
        found = np.empty(len(documents))
        for i, document in enumerate(documents):
            known = [self._vocabulary.get(feature, -1) for feature in with_pairs(document)]
            found[i] = self.weight[[number for number in known if number >= 0]].sum()
        return found


class BradleyTerryLossSaved(NamedTuple):
    difference: Any  # (P, V), an array or a sparse matrix
    weight: Array  # (V,)
    lose: Array  # (P,) probability of the opposite preference
    of_pair: Array  # (P,)
    penalty: float


def bradley_terry_loss_forward(
    difference: Any, weight: Array, of_pair: Array, penalty: float
) -> tuple[float, BradleyTerryLossSaved]:
    """Compute the loss for differences of counts (P, V), weights (V,), weights of pairs (P,)."""
    margin = difference @ weight  # (P,)
    # -log sigmoid(z) = log(1 + exp(-z)), without overflow
    losses = np.log1p(np.exp(-np.abs(margin))) + np.maximum(-margin, 0)
    lose = np.exp(-losses - margin)  # sigmoid(-z) = sigmoid(z) exp(-z)
    loss = (of_pair * losses).sum() + penalty / 2 * (weight * weight).sum()
    return float(loss), BradleyTerryLossSaved(difference, weight, lose, of_pair, penalty)


def bradley_terry_loss_backward(dloss: float, saved: BradleyTerryLossSaved) -> Array:
    """Compute the gradient of the weights (V,)."""
    dmargin = -dloss * saved.of_pair * saved.lose  # (P,)
    return saved.difference.T @ dmargin + dloss * saved.penalty * saved.weight


def _table(counts: WordCounts) -> Any:
    """Return the counts as a sparse matrix (N, V)."""
    from scipy.sparse import csc_array

    shape = (len(counts.lengths), len(counts.vocabulary))
    columns = csc_array((counts.counts.astype(float), counts.documents, counts.starts), shape)
    return columns.tocsr()
