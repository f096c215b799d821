"""What all methods share: fit, predict, and the choice of constants on held-out classes."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from scratchgpt.arguments import check_real, check_whole
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.zero_shot.attributes.checks import (
    as_attributes,
    as_features,
    as_labels,
    varying,
)
from scratchgpt.zero_shot.attributes.held_out import (
    Fold,
    Outcome,
    choose,
    make_folds,
    outcome_of,
)

Constants = dict[str, float]
Self = TypeVar("Self", bound="Method")


class Fitted(NamedTuple):
    """What a fit keeps.

    Attributes
    ----------
    parameters : Any
    s : array (K, m)
        Attributes of the seen classes.
    n_features : int
    """

    parameters: Any
    s: Array
    n_features: int


class Method(ABC):
    """A method that recognizes classes without examples by their attributes.

    Attributes
    ----------
    constants : dict
        Constants of the fitted model.
    stacking : float or None
        The constant c of calibrated stacking, chosen on held-out classes together with the other
        constants. It is None if there were no constants to choose.
    """

    needs_varying = False  # whether each attribute must differ between the seen classes

    def __init__(self, given: Mapping[str, float | None], seed: int) -> None:
        self._given = {
            name: value if value is None else check_real(name, value)
            for name, value in given.items()
        }
        for name, value in self._given.items():
            if value is not None and not 0 < value < np.inf:
                raise UserError(f"{name}={value!r} must be above 0 and finite")
        self._seed = check_whole("seed", seed, least=0)
        self._fitted: Fitted | None = None
        self.constants: Constants = {}
        self.stacking: float | None = None

    @abstractmethod
    def grid(self) -> list[Constants]:
        """Return the candidates for the constants."""

    @abstractmethod
    def fit_grid(self, x: Array, y: Array, s: Array, grid: list[Constants]) -> list[Any]:
        """Return the parameters of the model for each candidate."""

    @abstractmethod
    def scores_from(self, parameters: Any, x: Array, s: Array, s_seen: Array) -> Array:
        """Return the scores (N, K) of classes s for parameters that were fitted to s_seen."""

    def check_attributes(self, s: Array) -> None:
        """Raise UserError if the method cannot use attributes s (K, m) of the seen classes."""
        return

    def check_others(self, s: Array) -> None:
        """Raise UserError if the method cannot use attributes s (K, m) of further classes."""
        return

    def fit(self: Self, X: Any, y: Any, S: Any, *, held_out: Sequence[Any] | None = None) -> Self:
        """Fit the model to examples of the seen classes.

        Parameters
        ----------
        X : array (N, d)
            Features.
        y : integer array (N,)
            The class of each example: a row of S.
        S : array (K, m)
            Attributes of the seen classes.
        held_out : sequence of integer arrays, optional
            The classes that each fold holds out when constants are chosen. By default, the classes
            are split at random into at most four folds.

        Returns
        -------
        self

        Raises
        ------
        UserError
            If the arrays do not fit together, contain NaN, or a class has no example.
        """
        x, s = as_features(X), as_attributes(S)
        y = as_labels(y, len(x), len(s))
        self.check_attributes(s)
        grid, stacking = self.grid(), None
        if len(grid) > 1:
            folds = make_folds(y, len(s), self._seed, held_out)
            best, stacking = choose([self._outcomes(x, y, s, fold, grid) for fold in folds])
            grid = [grid[best]]
        [parameters] = self.fit_grid(x, y, s, grid)
        self._fitted = Fitted(parameters, s, x.shape[1])
        self.constants, self.stacking = grid[0], stacking
        return self

    def scores(self, X: Any, S: Any) -> Array:
        """Return a score for each example and class; the highest is the prediction.

        For generalized predictions, S has the seen and the unseen classes.

        Parameters
        ----------
        X : array (N, d)
        S : array (K, m)
            Attributes of the classes to choose from.

        Returns
        -------
        scores : array (N, K)

        Raises
        ------
        UserError
            If the model is not fitted, or the arrays do not fit it.
        """
        fitted = self.fitted
        x, s = as_features(X, fitted.n_features), as_attributes(S, fitted.s.shape[1])
        self.check_others(s)
        return self.scores_from(fitted.parameters, x, s, fitted.s)

    def predict(self, X: Any, S_unseen: Any) -> Array:
        """Return the most likely class of each example: rows of S_unseen, an array (N,).

        Of equal scores, the first row wins. Raises UserError as :meth:`scores` does.
        """
        return self.scores(X, S_unseen).argmax(axis=1)

    @property
    def fitted(self) -> Fitted:
        """The result of fit; raises UserError before it."""
        if self._fitted is None:
            raise UserError(f"this {type(self).__name__} is not fitted; call fit first")
        return self._fitted

    def _grid(self, candidates: Mapping[str, Sequence[float]]) -> list[Constants]:
        """Return all combinations of candidates, or of the values that the user gave."""
        values: list[Sequence[float]] = []
        for name, possible in candidates.items():
            given = self._given[name]
            values.append(possible if given is None else [given])
        return [dict(zip(candidates, chosen, strict=True)) for chosen in itertools.product(*values)]

    def _outcomes(
        self, x: Array, y: Array, s: Array, fold: Fold, grid: list[Constants]
    ) -> list[Outcome]:
        """Test all candidates on a fold."""
        number = np.cumsum(fold.is_kept) - 1  # of a kept class among the kept ones
        columns = varying(s[fold.is_kept]) if self.needs_varying else slice(None)
        s, kept = s[:, columns], s[fold.is_kept][:, columns]
        models = self.fit_grid(x[fold.fitted], number[y[fold.fitted]], kept, grid)
        return [
            outcome_of(self.scores_from(one, x[fold.tested], s, kept), y[fold.tested], fold.is_kept)
            for one in models
        ]
