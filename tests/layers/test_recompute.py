import numpy as np

from scratchgpt.layers import recompute_backward, recompute_forward
from scratchgpt.memory import Arena, nbytes


def test_recomputation_changes_no_bit(blocks):
    for case in blocks:
        block, *inputs = case.build()
        dy = np.random.default_rng(0).standard_normal(inputs[0].shape)
        y, saved = block.forward(*inputs, **case.settings)
        dinputs = block.backward(dy, saved)
        grads = block.store.grads.copy()

        block.store.zero_grad()
        y_again, kept = recompute_forward(block, *inputs, **case.settings)
        dinputs_again = recompute_backward(block, dy, kept)

        np.testing.assert_array_equal(y_again, y)
        if len(inputs) == 1:
            dinputs, dinputs_again = [dinputs], [dinputs_again]
        for dx_again, dx in zip(dinputs_again, dinputs, strict=True):
            np.testing.assert_array_equal(dx_again, dx)
        np.testing.assert_array_equal(block.store.grads, grads)


def test_the_upstream_gradient_is_unchanged(blocks):
    block, x = blocks[0].build()
    dy = np.random.default_rng(0).standard_normal(x.shape)
    before = dy.copy()
    _, kept = recompute_forward(block, x)
    recompute_backward(block, dy, kept)
    np.testing.assert_array_equal(dy, before)


def test_only_the_input_is_saved(blocks):
    block, x = blocks[0].build()
    _, kept = recompute_forward(block, x, dropout_seed=5)
    assert kept.x is x
    assert kept.settings == {"dropout_seed": 5}
    assert nbytes(kept) == x.nbytes


def test_in_an_arena_the_memory_of_the_block_is_released(blocks):
    block, x = blocks[0].build()
    arena = Arena()
    with arena:
        y, kept = recompute_forward(block, x, dropout_seed=5)
        after_forward = arena.used
        recompute_backward(block, y, kept)
        assert arena.used <= 2 * after_forward
    assert after_forward <= y.nbytes + 64
