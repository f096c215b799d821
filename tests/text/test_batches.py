import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.text import TokenBatches, TokenStream, windows

BLOCK, ROWS = 5, 3


def stream(n, first=0):
    """A stream of tokens that are their own positions, in shards of seven."""
    tokens = np.arange(first, first + n, dtype="<u4")
    return TokenStream([tokens[i : i + 7] for i in range(0, n, 7)])


def make(n_train=60, n_val=31, **changes):
    settings = {"block_size": BLOCK, "batch_size": ROWS, "seed": 1, **changes}
    return TokenBatches(stream(n_train), stream(n_val, first=1000), **settings)


def assert_windows(tokens, targets):
    """Check that rows are consecutive tokens, and that targets are the next tokens."""
    assert tokens.dtype == targets.dtype == np.int64
    assert tokens.shape == targets.shape
    assert (tokens == tokens[:, :1] + np.arange(tokens.shape[1])).all()
    assert (targets == tokens + 1).all()


def test_training_windows_lie_in_the_training_part():
    batches = make()
    for index in range(50):
        tokens, targets = batches.train_batch(index)
        assert tokens.shape == (ROWS, BLOCK)
        assert_windows(tokens, targets)
        assert tokens.min() >= 0
        assert targets.max() < 60


def test_training_windows_are_uniformly_distributed():
    batches = make(n_train=12, batch_size=1000)  # seven start positions
    starts = np.concatenate([batches.train_batch(index)[0][:, 0] for index in range(7)])
    counts = np.bincount(starts)
    assert len(counts) == 7
    # The expected count of each position is 1,000, with a standard deviation of 29.
    assert np.abs(counts - 1000).max() < 5 * 29


def test_a_training_batch_depends_on_seed_and_index_alone():
    batches, again = make(), make()
    expected = [batches.train_batch(index) for index in range(4)]
    for index in (3, 0, 2):
        np.testing.assert_array_equal(again.train_batch(index), expected[index])
    different = [expected[0][0], expected[1][0], make(seed=2).train_batch(0)[0]]
    assert len({tokens.tobytes() for tokens in different}) == 3


def test_training_batches_are_contiguous():
    assert all(array.flags.c_contiguous for array in make().train_batch(0))


@given(n=st.integers(2, 100), block_size=st.integers(1, 12), batch_size=st.integers(1, 5))
def test_windows_predict_every_token_but_the_first_once(n, block_size, batch_size):
    batches = list(windows(stream(n), block_size, batch_size))
    for tokens, targets in batches:
        assert_windows(tokens, targets)
        assert tokens.shape[0] <= batch_size
        assert tokens.shape[1] <= block_size
    targets = np.concatenate([targets.ravel() for _, targets in batches])
    assert targets.tolist() == list(range(1, n))


def test_the_last_batch_is_one_shorter_window():
    shapes = [tokens.shape for tokens, _ in windows(stream(24), BLOCK, ROWS)]
    assert shapes == [(3, 5), (1, 5), (1, 3)]


def test_validation_iterates_over_the_whole_validation_part():
    targets = [targets.ravel() for _, targets in make().validation_batches()]
    assert np.concatenate(targets).tolist() == list(range(1001, 1031))


def test_validation_can_be_repeated():
    batches = make()
    first, second = list(batches.validation_batches()), list(batches.validation_batches())
    assert len(first) == 2
    np.testing.assert_array_equal(first, second)


def test_some_validation_batches_are_spread_evenly():
    batches = make(n_val=1 + 60 * BLOCK, val_batches=2)
    rows = [tokens for tokens, targets in batches.validation_batches()]
    assert [tokens.shape for tokens in rows] == [(ROWS, BLOCK)] * 2
    starts = np.concatenate(rows)[:, 0] - 1000
    assert starts.tolist() == [0, 50, 100, 150, 200, 250]


@pytest.mark.parametrize("val_batches", [1, 2, 3, 100])
def test_there_are_never_more_validation_batches_than_requested(val_batches):
    n_windows = 7  # batches of three windows, and one shorter window
    batches = list(make(n_val=n_windows * BLOCK + 3, val_batches=val_batches).validation_batches())
    assert len(batches) == min(val_batches, 3)
    for tokens, targets in batches:
        assert_windows(tokens, targets)
    starts = np.concatenate([tokens[:, 0] for tokens, _ in batches])
    assert len(np.unique(starts)) == len(starts) == min(val_batches * ROWS, n_windows)


def test_a_part_of_one_window_is_enough():
    batches = make(n_train=BLOCK + 1, n_val=BLOCK + 1)
    assert (batches.train_batch(0)[0] == np.arange(BLOCK)).all()
    ((tokens, _),) = batches.validation_batches()
    assert tokens.tolist() == [[1000, 1001, 1002, 1003, 1004]]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            {"n_train": 5},
            "the training part of the corpus has 5 tokens, but block_size=5 needs at least 6; "
            "give more text, or choose block_size=4 or less",
        ),
        (
            {"n_train": 1},
            "the training part of the corpus has 1 token, but block_size=5 needs at least 6; "
            "give more text",
        ),
        (
            {"n_val": 3},
            "the validation part of the corpus has 3 tokens, but block_size=5 needs at least 6; "
            "give more text, a larger val_fraction, or choose block_size=2 or less",
        ),
        ({"n_val": 0}, "the validation part of the corpus has 0 tokens"),
    ],
)
def test_a_part_that_is_shorter_than_a_window_is_refused(sizes, message):
    with pytest.raises(UserError) as caught:
        make(**sizes)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["block_size", "batch_size", "val_batches"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(UserError, match=f"^{name}=0 must be at least 1$"):
        make(**{name: 0})


@pytest.mark.parametrize("n", [0, 1])
def test_a_text_without_a_token_to_predict_is_refused(n):
    with pytest.raises(UserError, match=f"has {n} token.*, but 2 are needed; give more text"):
        next(windows(stream(n), BLOCK, ROWS))
