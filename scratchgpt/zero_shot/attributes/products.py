"""The score that DAP and IAP share: a product over attributes."""

import numpy as np

from scratchgpt.backend import Array


def attribute_prior(s: Array) -> Array:
    """Return the share of the seen classes that have each attribute: p(a) (m,)."""
    return s.mean(axis=0)


def product_scores(log_yes: Array, log_no: Array, s: Array, s_seen: Array) -> Array:
    r"""Return the logarithm of :math:`\prod_m p(a_m^z \mid x) / p(a_m^z)` for each class z.

    Lampert, Nickisch and Harmeling (2009), equation 2, with equal priors of the classes.

    Parameters
    ----------
    log_yes, log_no : array (N, m)
        Logarithms of the probabilities that an attribute is present, and that it is not.
    s : array (K, m)
        Attributes of the classes z, 0 or 1.
    s_seen : array (K', m)
        Attributes of the seen classes, whose mean is the prior p(a).

    Returns
    -------
    scores : array (N, K)
    """
    prior = attribute_prior(s_seen)
    return (log_yes - np.log(prior)) @ s.T + (log_no - np.log1p(-prior)) @ (1.0 - s).T
