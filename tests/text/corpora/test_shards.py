import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.text import TokenStream
from scratchgpt.text.corpora.shards import open_shards, shard_path, token_dtype, write_shard


@st.composite
def streams(draw):
    """Draw a stream that is a slice of a slice of some shards, and the array that it must equal."""
    lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    whole = np.arange(100, 100 + sum(lengths), dtype=np.uint16)
    stream, expected = TokenStream(np.split(whole, np.cumsum(lengths)[:-1])), whole
    for _ in range(2):
        start = draw(st.integers(0, len(expected)))
        stop = draw(st.integers(start, len(expected)))
        stream, expected = stream.slice(start, stop), expected[start:stop]
    return stream, expected


@given(streams(), st.data())
def test_reading_a_stream_equals_slicing_the_array(pair, data):
    stream, expected = pair
    assert len(stream) == len(expected)
    start = data.draw(st.integers(0, len(expected)))
    n = data.draw(st.integers(0, len(expected) - start))
    tokens = stream.read(start, n)
    assert tokens.dtype == np.int64
    np.testing.assert_array_equal(tokens, expected[start : start + n])


def test_every_read_across_the_ends_of_shards_is_a_slice():
    """Test all reads of a small stream; few random ones above start and end within shards."""
    whole = np.arange(13, dtype=np.uint8)
    stream = TokenStream(np.split(whole, [4, 5, 8]))
    for start in range(14):
        for n in range(14 - start):
            np.testing.assert_array_equal(stream.read(start, n), whole[start : start + n])


@given(streams(), st.integers(1, 9))
def test_blocks_join_to_the_stream(pair, size):
    stream, expected = pair
    blocks = list(stream.blocks(size))
    assert all(0 < len(block) <= size for block in blocks)
    np.testing.assert_array_equal(np.concatenate([[], *blocks]), expected)


@pytest.mark.parametrize(("start", "n"), [(-1, 2), (0, 6), (5, 1), (6, 0), (2, -1)])
def test_nothing_is_read_beyond_a_stream(start, n):
    stream = TokenStream([np.arange(9)]).slice(2, 7)  # there are tokens on both sides
    with pytest.raises(ValueError, match="not within the 5 tokens"):
        stream.read(start, n)


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (0, 6), (4, 3)])
def test_a_slice_must_lie_within_its_stream(start, stop):
    stream = TokenStream([np.arange(9)]).slice(2, 7)
    with pytest.raises(ValueError, match="not within the 5 tokens"):
        stream.slice(start, stop)


@pytest.mark.parametrize(
    ("vocab_size", "dtype"),
    [(1, "u1"), (256, "u1"), (257, "<u2"), (65536, "<u2"), (65537, "<u4"), (200_000, "<u4")],
)
def test_the_dtype_is_the_smallest_for_the_vocabulary(vocab_size, dtype):
    assert token_dtype(vocab_size) == np.dtype(dtype)
    assert np.array([vocab_size - 1]).astype(token_dtype(vocab_size))[0] == vocab_size - 1


def test_written_shards_are_read_back(tmp_path):
    arrays = [np.arange(7, dtype="<u2"), np.arange(7, 10, dtype="<u2")]
    checksums = [write_shard(tmp_path, i, array) for i, array in enumerate(arrays)]
    stream = open_shards(tmp_path, np.dtype("<u2"), [7, 3])
    np.testing.assert_array_equal(stream.read(0, 10), np.arange(10))
    for i, checksum in enumerate(checksums):
        content = shard_path(tmp_path, i).read_bytes()
        assert hashlib.sha256(content).hexdigest() == checksum
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("n_bytes", [0, 19, 13, 21])
def test_a_shard_of_the_wrong_size_is_refused(tmp_path, n_bytes):
    write_shard(tmp_path, 0, np.arange(10, dtype="<u2"))
    shard_path(tmp_path, 0).write_bytes(b"x" * n_bytes)
    with pytest.raises(
        UserError, match=rf"shard-00000\.bin has {n_bytes} bytes instead of 20; remove .* prepare"
    ):
        open_shards(tmp_path, np.dtype("<u2"), [10])


def test_a_missing_shard_is_refused(tmp_path):
    write_shard(tmp_path, 0, np.arange(10, dtype="<u1"))
    with pytest.raises(UserError, match=r"shard-00001\.bin has 0 bytes instead of 5"):
        open_shards(tmp_path, np.dtype("<u1"), [10, 5])
