"""Criteria that weigh the fit of a model against the number of its parameters."""

import math
from typing import NamedTuple


class Criteria(NamedTuple):
    """Smaller is better; all are -2 llf plus a price for each of the k parameters, sigma2 too.

    aic : 2 a parameter (Akaike 1974).
    aicc : aic with the correction for short series (Hurvich and Tsai 1989), infinite where there
        are not two observations more than parameters.
    bic : log n (Schwarz 1978).
    hqic : 2 log log n (Hannan and Quinn 1979).

    n counts the observations that enter the likelihood: those there are, less the ones that the
    differences use up. R and statsmodels count the same.
    """

    aic: float
    aicc: float
    bic: float
    hqic: float


def criteria(llf: float, n_used: int, n_params: int) -> Criteria:
    """All four for a log-likelihood of n_used observations with n_params parameters."""
    spare = n_used - n_params - 1
    aic = 2 * n_params - 2 * llf
    return Criteria(
        aic=aic,
        aicc=aic + 2 * n_params * (n_params + 1) / spare if spare > 0 else math.inf,
        bic=math.log(n_used) * n_params - 2 * llf,
        hqic=2 * math.log(math.log(n_used)) * n_params - 2 * llf if n_used > 1 else math.nan,
    )
