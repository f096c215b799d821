import numpy as np

from scratchgpt.measure import random_batch


def test_steps_learn_their_batch(stepper):
    losses = [stepper.update(0).loss for _ in range(20)]
    assert losses[-1] < losses[0]


def test_batches_are_tokens_of_the_vocabulary(make_shape):
    tokens, targets = random_batch(make_shape(vocab_size=5))
    assert tokens.shape == targets.shape == (3, 6)
    assert set(np.unique([tokens, targets])) == set(range(5))


def test_the_same_seed_gives_the_same_batch(shape):
    assert np.array_equal(random_batch(shape, seed=1), random_batch(shape, seed=1))
    assert not np.array_equal(random_batch(shape, seed=1), random_batch(shape, seed=2))
