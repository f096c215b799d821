"""Integration of a Gaussian density over unknowns that it depends on linearly."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array


class IntegrateOutSaved(NamedTuple):
    basis: Array  # (n, m) the columns, orthonormalized
    to_unit: Array  # (m, m) basis = columns @ to_unit
    inverse: Array  # (m, m) the inverse of basis' basis, the identity up to rounding errors
    unknown: Array  # (m,) the unknowns with the highest density
    resid: Array  # (n,) the innovations at these unknowns


def integrate_out_forward(u: Array, columns: Array) -> tuple[tuple[Any, Any], IntegrateOutSaved]:
    r"""Integrate out the coefficients s of innovations :math:`u + U s`.

    The integral of the density over s depends on the two results,

    .. math:: \min_s \|u + U s\|^2 \qquad \log |U' U|

    Parameters
    ----------
    u : array (n,)
        Innovations with variance 1.
    columns : array (n, m)
        U, of rank m.

    Returns
    -------
    squares, logs : scalar
        NaN if the columns are linearly dependent.
    saved : IntegrateOutSaved
    """
    # The real part is orthonormalized, so that a complex step passes through the rest.
    triangle: Array = np.linalg.qr(columns.real).R
    sizes = np.abs(np.diag(triangle))
    if not sizes.all() or not np.isfinite(sizes).all():
        triangle, sizes = np.full_like(triangle, np.nan), np.full_like(sizes, np.nan)
    to_unit = np.linalg.inv(triangle)
    basis = columns @ to_unit
    gram = basis.T @ basis
    inverse = np.linalg.inv(gram)
    unknown = -to_unit @ (inverse @ (basis.T @ u))
    resid = u + columns @ unknown
    logs = 2.0 * np.log(sizes).sum() + _log_determinant(gram)
    saved = IntegrateOutSaved(basis, to_unit, inverse, unknown, resid)
    return (resid @ resid, logs), saved


def integrate_out_backward(
    dsquares: Any, dlogs: Any, saved: IntegrateOutSaved
) -> tuple[Array, Array]:
    r"""Compute the gradients of u and of the columns.

    At the minimum, the derivative of the sum of squares with respect to s is 0, so

    .. math:: du = 2\, dS\, (u + U s) \qquad dU = du\, s' + 2\, dL\, U (U'U)^{-1}
    """
    basis, to_unit, inverse, unknown, resid = saved
    du = 2.0 * dsquares * resid
    return du, np.outer(du, unknown) + (2.0 * dlogs) * (basis @ inverse @ to_unit.T)


def _log_determinant(matrix: Array) -> Any:
    """Compute the logarithm of the determinant by elimination, which is analytic."""
    matrix, total = matrix.copy(), 0.0
    for j in range(len(matrix)):
        total = total + np.log(matrix[j, j])
        matrix[j + 1 :] -= np.outer(matrix[j + 1 :, j] / matrix[j, j], matrix[j])
    return total
