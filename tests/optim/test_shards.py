"""Shards: a division of the parameters at their ends, as equal as possible."""

import itertools

import numpy as np
import pytest

from scratchgpt.models import GPT, GPTConfig
from scratchgpt.optim import AdamW, shards

SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 6, "vocab_size": 11}


@pytest.fixture
def store():
    store = GPT(GPTConfig(**SIZES), dtype=np.float64).store
    store.freeze({"transformer.h.0.mlp.c_fc.weight", "transformer.h.1.ln_1.bias"})
    store.grads[...] = np.random.default_rng(0).standard_normal(store.grads.size)
    return store


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100])
def test_shards_are_consecutive_and_cover_all_trained_parameters(store, n):
    found = shards(store, n)
    assert len(found) == n
    assert [name for shard in found for name in shard.names] == store.trained
    borders = [0, *(shard.grads.stop for shard in found)]
    assert borders == [*(shard.grads.start for shard in found), store.grads.size]
    for shard in found:
        n_values = sum(span.values.stop - span.values.start for span in shard.spans)
        n_grads = sum(span.grads.stop - span.grads.start for span in shard.spans)
        assert n_values == n_grads == shard.grads.stop - shard.grads.start


@pytest.mark.parametrize("n", [2, 3])
def test_no_division_has_a_smaller_largest_shard(store, n):
    starts = [store.grad_offsets[name] for name in store.trained]
    every = itertools.combinations(starts[1:], n - 1)
    best = min(max(np.diff([0, *borders, store.grads.size])) for borders in every)
    assert max(s.grads.stop - s.grads.start for s in shards(store, n)) == best


@pytest.mark.parametrize("n", [2, 5])
def test_the_updates_of_all_shards_are_the_whole_update(store, n):
    start = store.values.copy()
    whole = AdamW(store)
    for _ in range(2):
        whole.step(0.1)
    expected = store.values.copy()
    store.values[...] = start
    parts = [AdamW(store, shard=shard) for shard in shards(store, n)]
    for _ in range(2):
        for part in parts:
            part.step(0.1)
    np.testing.assert_array_equal(store.values, expected)
    moments = {name: value for part in parts for name, value in part.named_moments().items()}
    assert moments.keys() == whole.named_moments().keys()
    for name, value in whole.named_moments().items():
        np.testing.assert_array_equal(moments[name], value)
    sizes = [part.exp_avg.size for part in parts]
    assert sum(sizes) == whole.exp_avg.size
    assert max(sizes) < whole.exp_avg.size
