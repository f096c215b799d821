"""A small task with a known structure: features are noisy linear functions of the attributes."""

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.zero_shot.attributes.task import AttributeTask, standardized


def made_task(seed=0, n=20, n_classes=12, n_unseen=4, m=6, d=10, noise=0.25):
    rng = random_stream(seed, "a made task")
    rows = np.array([[i >> j & 1 for j in range(m)] for i in range(1, 2**m)], dtype=np.float64)
    s = rng.permutation(rows)[:n_classes]
    is_seen = np.arange(n_classes) < n_classes - n_unseen
    mix = rng.standard_normal((m, d))

    def examples(classes):
        y = np.repeat(classes, n)
        return s[y] @ mix + noise * rng.standard_normal((len(y), d)), y

    x, y = examples(np.flatnonzero(is_seen))
    x_test, y_test = examples(np.arange(n_classes))
    x, x_test = standardized(x, x_test)
    names = tuple(f"class {k}" for k in range(n_classes))
    return AttributeTask(x, y, x_test, y_test, s, s, is_seen, names)


@pytest.fixture
def task():
    return made_task()
