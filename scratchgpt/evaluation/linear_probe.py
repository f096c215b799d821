"""Linear probe: logistic regression on fixed features, which shows what they contain.

Conneau and Kiela 2018, "SentEval", arXiv:1803.05449.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import check_whole, plain, real_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.ops.cross_entropy import (
    CrossEntropySaved,
    cross_entropy_backward,
    cross_entropy_forward,
)
from scratchgpt.threads import one_pool

# L-BFGS stops when no element of the gradient is larger.
GRADIENT = 1e-8


@dataclass(frozen=True)
class LinearProbe:
    """A trained classifier.

    Attributes
    ----------
    classes : list
        The labels, sorted.
    weight : array (d, K)
        For K classes. With two classes, ``weight[:, 1] - weight[:, 0]`` is ``coef_`` of
        scikit-learn; with more, ``weight.T`` is.
    bias : array (K,)
    mean, scale : array (d,)
        Features are shifted and divided by these; 0 and 1 unless they are standardized.
    converged : bool
        Whether the gradient vanished.
    """

    classes: list[str] | list[int]
    weight: Array
    bias: Array
    mean: Array
    scale: Array
    converged: bool

    def scores(self, x: Array) -> Array:
        """Return the logit of each class (n, K) for features (n, d)."""
        x = np.asarray(x, float)
        if x.ndim != 2 or x.shape[1] != len(self.mean):
            raise UserError(
                f"the features have the shape {x.shape}; give an array (n, {len(self.mean)}), as "
                "for training"
            )
        return (x - self.mean) / self.scale @ self.weight + self.bias

    def predict(self, x: Array) -> list[str] | list[int]:
        """Return the most likely label for each row of features (n, d)."""
        return [self.classes[i] for i in self.scores(x).argmax(axis=1)]

    def accuracy(self, x: Array, labels: Sequence[str] | Sequence[int]) -> float:
        """Return the fraction of rows (n, d) whose label is predicted."""
        predicted = self.predict(x)
        pairs = zip(predicted, labels, strict=True)
        return sum(one == other for one, other in pairs) / len(predicted)


def fit_linear_probe(
    x: Array,
    labels: Sequence[str] | Sequence[int],
    *,
    C: float = 1.0,
    standardize: bool = False,
    max_iterations: int = 10_000,
) -> LinearProbe:
    r"""Train a multinomial logistic regression by L-BFGS.

    The result is that of scikit-learn's ``LogisticRegression``, which minimizes

    .. math::
        \frac{1}{n} \sum_i -\log \mathrm{softmax}(x_i W + b)_{y_i} + \frac{\lambda}{2 n} \|W\|^2,
        \qquad \lambda = 1 / C

    With two classes, scikit-learn penalizes the difference w of the columns of W instead, which are
    then :math:`\pm w / 2`. Because :math:`\|W\|^2 = \|w\|^2 / 2`, this is :math:`\lambda = 2 / C`.

    Parameters
    ----------
    x : array (n, d)
        Features.
    labels : sequence of str or int, of length n
    C : float
        The inverse of the strength of the penalty on the weights; the bias has no penalty.
    standardize : bool
        Whether to shift and scale each feature to mean 0 and variance 1 before.
    max_iterations : int

    Raises
    ------
    UserError
        If there are fewer than two classes, the numbers of rows and labels differ, a feature is NaN
        or infinite, or an option is out of range.

    Warns
    -----
    UserWarning
        If the search stops before the gradient vanishes.
    """
    x = np.asarray(x, float)
    if x.ndim != 2 or len(x) != len(labels):
        raise UserError(
            f"the features have the shape {x.shape}, but there are "
            f"{counted(len(labels), 'label')}; give an array with one row for each label"
        )
    if not np.isfinite(x).all():
        raise UserError("a feature is NaN or infinite; check the model's embeddings")
    number = real_number(C)
    if number is None or not 0 < number < np.inf:
        raise UserError(f"C={plain(C)!r} must be a number above 0")
    check_whole("max_iterations", max_iterations, least=1)
    classes, targets = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) < 2:
        raise UserError(
            f"the {counted(len(labels), 'label')} are of {counted(len(classes), 'class')}; add "
            "examples of another class"
        )
    mean, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    if standardize:
        mean, scale = x.mean(axis=0), x.std(axis=0)
        scale[scale == 0] = 1.0  # a feature that is constant stays 0
    penalty = (2 if len(classes) == 2 else 1) / (number * len(x))
    weight, bias, converged = _minimize(
        (x - mean) / scale, targets, len(classes), penalty, max_iterations
    )
    return LinearProbe(classes.tolist(), weight, bias, mean, scale, converged)


class ProbeLossSaved(NamedTuple):
    x: Array  # (n, d)
    weight: Array  # (d, K)
    cross_entropy: CrossEntropySaved
    penalty: float


def probe_loss_forward(
    x: Array, weight: Array, bias: Array, targets: Array, penalty: float
) -> tuple[float, ProbeLossSaved]:
    """Compute the mean cross-entropy of x (n, d) plus penalty / 2 times the squared weights."""
    loss, cross_entropy = cross_entropy_forward(x @ weight + bias, targets)
    saved = ProbeLossSaved(x, weight, cross_entropy, penalty)
    return loss + penalty / 2 * (weight * weight).sum(), saved


def probe_loss_backward(dloss: float, saved: ProbeLossSaved) -> tuple[Array, Array, Array]:
    """Compute the gradients of x, weight and bias."""
    dlogits = cross_entropy_backward(dloss, saved.cross_entropy)  # (n, K)
    dweight = saved.x.T @ dlogits + dloss * saved.penalty * saved.weight
    return dlogits @ saved.weight.T, dweight, dlogits.sum(axis=0)


def _minimize(
    x: Array, targets: Array, n_classes: int, penalty: float, max_iterations: int
) -> tuple[Array, Array, bool]:
    """Return the weight (d, K), the bias (K,), and whether the gradient vanishes."""
    from scipy.optimize import minimize

    n_weights = x.shape[1] * n_classes

    def split(z: Array) -> tuple[Array, Array]:
        return z[:n_weights].reshape(-1, n_classes), z[n_weights:]

    def loss_and_gradient(z: Array) -> tuple[float, Array]:
        loss, saved = probe_loss_forward(x, *split(z), targets, penalty)
        _, dweight, dbias = probe_loss_backward(1.0, saved)
        return float(loss), np.concatenate([dweight.ravel(), dbias])

    with one_pool():
        found = minimize(
            loss_and_gradient,
            np.zeros(n_weights + n_classes),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": max_iterations, "maxfun": 2 * max_iterations, "maxcor": 20}
            | {"ftol": 0.0, "gtol": GRADIENT},
        )
    largest = np.abs(found.jac).max()
    converged = bool(largest <= 1e3 * GRADIENT)  # rounding may end the search
    if not converged:
        warnings.warn(
            f"the linear probe stopped after {counted(found.nit, 'iteration')} with a gradient of "
            f"{largest:.1e}; raise max_iterations, lower C, or standardize the features",
            stacklevel=3,
        )
    return *split(found.x), converged
