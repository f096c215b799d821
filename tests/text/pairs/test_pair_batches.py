from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.text import PairBatches, TokenPairs, TokenRows

END, PAD, VOCAB = 0, 1, 60_000
LENGTHS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=60)


def make_pairs(lengths):
    """Make pairs whose tokens are the number of the pair plus 2."""
    sides = []
    for side in (0, 1):
        rows = [np.full(pair[side], 2 + i) for i, pair in enumerate(lengths)]
        sides.append(TokenRows.of(rows, VOCAB))
    return TokenPairs(*sides)


def make(lengths, val=((1, 2),), tokens=16, seed=0, **options):
    settings = {"tokens_per_batch": tokens, "seed": seed, "end_of_text": END, "padding": PAD}
    return PairBatches(make_pairs(lengths), make_pairs(val), **settings, **options)


def typical(n=2000, seed=0):
    """Draw lengths like those of Multi30k: about 16 tokens, standard deviation 6, correlated."""
    rng = random_stream(seed, "lengths")
    source = np.exp(rng.normal(2.7, 0.35, n))
    target = source * np.exp(rng.normal(0, 0.18, n))
    return np.stack([source, target], axis=1).round().astype(int).tolist()


def pairs_in(batch):
    """Check the layout of a batch, and return its pairs without end and padding."""
    source, target, targets = batch
    assert source.dtype == target.dtype == targets.dtype == np.int64
    assert target.shape == targets.shape
    assert source.shape[0] == target.shape[0]
    pairs = []
    for tokens, inputs, outputs in zip(source, target, targets, strict=True):
        n, m = tokens.tolist().index(END), outputs.tolist().index(END)
        assert (tokens[n + 1 :] == PAD).all()
        assert (outputs[m + 1 :] == -100).all()
        assert inputs[0] == END
        np.testing.assert_array_equal(inputs[1 : m + 1], outputs[:m])
        assert (inputs[m + 1 :] == PAD).all()
        pairs.append((tuple(tokens[:n]), tuple(outputs[:m])))
    # No wider than needed.
    assert source.shape[1] == max(len(s) for s, _ in pairs) + 1
    assert target.shape[1] == max(len(t) for _, t in pairs) + 1
    return pairs


def epoch(batches, number=0):
    n = batches.batches_per_epoch
    return [batches.train_batch(number * n + i) for i in range(n)]


def expected_pairs(lengths):
    return sorted(((2 + i,) * n, (2 + i,) * m) for i, (n, m) in enumerate(lengths))


@given(LENGTHS, st.integers(13, 60))
def test_an_epoch_has_every_pair_once_in_batches_within_the_limit(lengths, tokens):
    batches = make(lengths, tokens=tokens)
    for number in (0, 1, 5):
        found = epoch(batches, number)
        assert sorted(chain.from_iterable(map(pairs_in, found))) == expected_pairs(lengths)
        for source, target, _ in found:
            assert max(source.size, target.size) <= tokens


@given(LENGTHS, st.integers(13, 60))
def test_batches_are_as_full_as_pairs_of_their_length_allow(lengths, tokens):
    batches = make(lengths, tokens=tokens)

    def place(batch):
        """Sort key of a batch; among batches of one width, the smallest comes last."""
        widths = [max(len(s), len(t)) for s, t in pairs_in(batch)]
        return max(widths), min(widths), -len(widths)

    by_width = sorted(epoch(batches), key=place)
    widths = sorted(max(pair) + 1 for pair in lengths)
    n = 0
    for batch in by_width[:-1]:
        n += len(batch[0])
        # The next pair would not have fit.
        assert (len(batch[0]) + 1) * widths[n] > tokens
    assert n + len(by_width[-1][0]) == len(lengths)


def test_the_example_of_a_batch():
    batches = make([(2, 1), (0, 3)])
    (batch,) = epoch(batches)
    order = np.argsort(batch[0][:, 0])[::-1]  # the empty source last
    source, target, targets = (array[order] for array in batch)
    assert source.tolist() == [[2, 2, END], [END, PAD, PAD]]
    assert target.tolist() == [[END, 2, PAD, PAD], [END, 3, 3, 3]]
    assert targets.tolist() == [[2, END, -100, -100], [3, 3, 3, END]]


def test_a_training_batch_depends_on_seed_and_index_alone():
    lengths = typical(300)
    n = make(lengths, tokens=200).batches_per_epoch
    numbers = [0, 1, n - 1, n, 3 * n + 2]
    unbroken = make(lengths, tokens=200)
    expected = {index: unbroken.train_batch(index) for index in range(4 * n)}
    resumed = make(lengths, tokens=200)
    for index in [*reversed(numbers), *numbers]:
        for array, other in zip(resumed.train_batch(index), expected[index], strict=True):
            np.testing.assert_array_equal(array, other)
            assert array.flags.c_contiguous
    other = make(lengths, tokens=200, seed=1).train_batch(0)
    texts = {expected[i][0].tobytes() for i in numbers} | {other[0].tobytes()}
    assert len(texts) == len(numbers) + 1


def test_changes_to_a_batch_do_not_affect_later_batches():
    batches = make(typical(50), tokens=200)
    before = [array.copy() for array in batches.train_batch(0)]
    for array in batches.train_batch(0):
        array[:] = -1
    for array, other in zip(batches.train_batch(0), before, strict=True):
        np.testing.assert_array_equal(array, other)


def test_epochs_differ_in_the_batches_and_in_the_order_of_lengths():
    batches = make(typical(), tokens=512)
    first, second = epoch(batches, 0), epoch(batches, 1)
    assert [b[0].shape for b in first] != [b[0].shape for b in second]
    companies = [{frozenset(pairs_in(batch)) for batch in each} for each in (first, second)]
    assert len(companies[0] & companies[1]) < 0.1 * len(first)
    # Short and long batches are mixed: the lengths have no trend along an epoch.
    widths = np.array([batch[0].shape[1] for batch in first])
    assert abs(np.corrcoef(widths, np.arange(len(widths)))[0, 1]) < 5 / len(widths) ** 0.5


def test_batches_have_little_padding():
    for batches in (make(typical(), tokens=1024), make(typical(), tokens=4096)):
        source = [np.array([(b[0] != PAD).sum(), b[0].size]) for b in epoch(batches)]
        target = [np.array([(b[2] != -100).sum(), b[2].size]) for b in epoch(batches)]
        for side in (source, target):
            n_tokens, n_positions = np.sum(side, axis=0)
            assert n_positions < 1.2 * n_tokens
        full = [max(b[0].size, b[1].size) / batches.tokens_per_batch for b in epoch(batches)]
        assert np.median(full) > 0.95


def test_validation_iterates_over_all_pairs_by_length_repeatably():
    val = typical(200, seed=1)
    batches = make([(1, 1)], val, tokens=300)
    first = list(batches.validation_batches())
    assert sorted(chain.from_iterable(map(pairs_in, first))) == expected_pairs(val)
    widths = [max(batch[0].shape[1], batch[1].shape[1]) for batch in first]
    assert widths == sorted(widths)
    for batch, again in zip(first, batches.validation_batches(), strict=True):
        for array, other in zip(batch, again, strict=True):
            assert array.size <= 300
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("val_batches", [1, 2, 5, 1000])
def test_some_validation_batches_are_spread_evenly(val_batches):
    val = typical(200, seed=1)
    every = list(make([(1, 1)], val, tokens=300).validation_batches())
    some = list(make([(1, 1)], val, tokens=300, val_batches=val_batches).validation_batches())
    n = min(val_batches, len(every))
    assert [b[0].tobytes() for b in some] == [
        every[(2 * i + 1) * len(every) // (2 * n)][0].tobytes() for i in range(n)
    ]


@given(lengths=LENGTHS, n=st.integers(1, 20))
def test_some_validation_batches_are_as_far_from_the_shortest_as_from_the_longest(lengths, n):
    lengths = [(1 + source, target) for source, target in lengths]  # every batch is different
    every = [b[0].tobytes() for b in make([(1, 1)], lengths, tokens=16).validation_batches()]
    chosen = make([(1, 1)], lengths, tokens=16).some_validation_batches(n)
    places = [every.index(batch[0].tobytes()) for batch in chosen]
    n = min(n, len(every))
    assert len(set(places)) == len(places) == n
    from_the_end = [len(every) - 1 - place for place in reversed(places)]
    assert all(abs(a - b) <= 1 for a, b in zip(places, from_the_end, strict=True))
    assert max(np.diff([*places, len(every) + places[0]])) <= -(-len(every) // n)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"tokens": 12},
            "tokens_per_batch=12 is too small for the training part, whose longest sentence takes "
            "13 positions; choose at least 13",
        ),
        ({"val": [(20, 3)]}, "tokens_per_batch=16 is too small for the validation part, whose lon"),
        ({"tokens": 0}, "tokens_per_batch=0 must be at least 1"),
        ({"val_batches": 0}, "val_batches=0 must be at least 1"),
        ({"val": []}, "the validation part has no pairs; give more text or a larger block_size"),
    ],
)
def test_invalid_arguments_are_refused(change, message):
    with pytest.raises(UserError) as caught:
        make([(3, 12), (1, 1)], **change)
    assert str(caught.value).startswith(message)


def test_no_pairs_to_train_on_are_refused():
    with pytest.raises(UserError, match="the training part has no pairs"):
        make([])
