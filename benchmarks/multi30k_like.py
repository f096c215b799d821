"""Random sentences as long as those of Multi30k (Elliott et al. 2016, arXiv:1605.00459)."""

import numpy as np

# Tokens of a joint vocabulary of 8,000, of the German side of the training part, with the end.
MEAN, DEVIATION, SHORTEST, LONGEST = 15.7, 5.2, 5, 46


def random_lengths(rng: np.random.Generator, n: int) -> np.ndarray:
    """n lengths, log-normal as those of sentences are."""
    spread = np.log(1 + (DEVIATION / MEAN) ** 2)
    lengths = rng.lognormal(np.log(MEAN) - spread / 2, np.sqrt(spread), n).round().astype(int)
    return np.clip(lengths, SHORTEST, LONGEST)
