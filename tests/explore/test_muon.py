"""What the page says of the step of Muon: its matrices, their singular values, its constants."""

import numpy as np
import pytest

from scratchgpt.explore.muon import numbers_of, orthogonalized, parts_of, spread
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.optim import Muon, newton_schulz

SIZES = {"n_layer": 1, "n_head": 4, "n_kv_head": 2, "n_embd": 8, "block_size": 4, "vocab_size": 5}


@pytest.fixture
def optimizer():
    return Muon(GPT(GPTConfig(**SIZES)).store, momentum=0.9, weight_decay=0.3)


def test_queries_keys_and_values_are_three_matrices(optimizer):
    parameter = optimizer.store.named["transformer.h.0.attn.c_attn.weight"]
    parts = parts_of(parameter, optimizer, 0.1)
    assert [part.columns for part in parts] == [slice(0, 8), slice(8, 12), slice(12, 16)]
    wide = parts_of(optimizer.store.named["transformer.h.0.mlp.c_fc.weight"], optimizer, 0.1)
    assert [part.rate for part in (*parts, *wide)] == pytest.approx([0.1, 0.1, 0.1, 0.2])


def test_each_matrix_is_made_orthogonal_by_itself(optimizer, rng):
    parameter = optimizer.store.named["transformer.h.0.attn.c_attn.weight"]
    parts = parts_of(parameter, optimizer, 0.1)
    x = rng.standard_normal(parameter.shape)
    y = orthogonalized(x, parts)
    for columns, _ in parts:
        np.testing.assert_array_equal(y[:, columns], newton_schulz(x[:, columns]))


def test_the_spread_is_that_of_the_singular_values():
    x = np.diag([3.0, 4.0])
    assert spread(x) == pytest.approx((3, 4))
    assert spread(x, divide=True) == pytest.approx((0.6, 0.8))
    assert spread(np.zeros((2, 3)), divide=True) == (0, 0)


def test_the_constants_are_those_of_the_step(optimizer):
    numbers = numbers_of(optimizer, 0.02, 0.5)
    assert (numbers["lr"], numbers["clip"]) == (0.02, 0.5)
    assert (numbers["momentum"], numbers["decay"]) == (0.9, 0.3)
    assert (numbers["a"], numbers["b"], numbers["c"]) == (3.4445, -4.7750, 2.0315)
    assert numbers["iterations"] == 5
