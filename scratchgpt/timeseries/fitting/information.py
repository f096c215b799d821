"""Information criteria, which weigh the fit of a model against its number of parameters."""

import math
from typing import NamedTuple


class Criteria(NamedTuple):
    """The information criteria of a model; smaller is better.

    Each is -2 llf plus a penalty per parameter. The parameters include sigma2.

    aic : a penalty of 2 (Akaike 1974).
    aicc : aic with a correction for short series (Hurvich and Tsai 1989). It is infinite unless the
        observations outnumber the parameters by at least two.
    bic : a penalty of log n (Schwarz 1978).
    hqic : a penalty of 2 log log n (Hannan and Quinn 1979).

    n is the number of observations in the likelihood: the observed values minus those that the
    differences use up. R and statsmodels count the same.
    """

    aic: float
    aicc: float
    bic: float
    hqic: float


def criteria(llf: float, n_used: int, n_params: int) -> Criteria:
    """Compute all four criteria from the log-likelihood of n_used observations."""
    spare = n_used - n_params - 1
    aic = 2 * n_params - 2 * llf
    return Criteria(
        aic=aic,
        aicc=aic + 2 * n_params * (n_params + 1) / spare if spare > 0 else math.inf,
        bic=math.log(n_used) * n_params - 2 * llf,
        hqic=2 * math.log(math.log(n_used)) * n_params - 2 * llf if n_used > 1 else math.nan,
    )
