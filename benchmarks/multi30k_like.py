"""Random sentence lengths like those of Multi30k (Elliott et al. 2016, arXiv:1605.00459)."""

import numpy as np

# Lengths of the German side of the training part, in tokens of a joint vocabulary of 8,000, with
# the end_of_text token.
MEAN, DEVIATION, SHORTEST, LONGEST = 15.7, 5.2, 5, 46


def random_lengths(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return n lengths from a log-normal distribution, like those of sentences."""
    spread = np.log(1 + (DEVIATION / MEAN) ** 2)
    lengths = rng.lognormal(np.log(MEAN) - spread / 2, np.sqrt(spread), n).round().astype(int)
    return np.clip(lengths, SHORTEST, LONGEST)
