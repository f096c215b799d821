import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scratchgpt.embeddings import quantize_bits, quantize_int8
from scratchgpt.embeddings.quantized import quantize
from scratchgpt.errors import UserError

VECTORS = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=19),
    elements=st.floats(-2, 2, width=32),
)


@given(vectors=VECTORS)
def test_codes_and_scale_are_within_half_a_step_of_each_vector(vectors):
    codes, scale = quantize_int8(vectors)
    assert codes.dtype == np.int8
    assert scale.dtype == np.float32
    assert scale.shape == (len(vectors), 1)
    assert (np.abs(codes.astype(np.int64)) <= 127).all()
    assert (np.abs(codes * scale.astype(np.float64) - vectors) <= 0.5001 * scale + 1e-44).all()


@given(vectors=VECTORS)
def test_the_codes_of_a_vector_depend_on_no_other_vector(vectors):
    together = quantize_int8(vectors)
    for i, vector in enumerate(vectors):
        alone = quantize_int8(vector)
        np.testing.assert_array_equal(alone.codes, together.codes[i])
        np.testing.assert_array_equal(alone.scale, together.scale[i])


def test_a_vector_of_zeros_has_codes_of_zero():
    codes, scale = quantize_int8(np.zeros((2, 3), np.float32))
    assert not codes.any()
    assert not scale.any()


@given(vectors=VECTORS)
def test_bits_are_the_signs(vectors):
    bits = quantize_bits(vectors, signed=False)
    assert bits.dtype == np.uint8
    n_channels = vectors.shape[1]
    np.testing.assert_array_equal(np.unpackbits(bits, axis=1)[:, :n_channels], vectors > 0)
    signed = quantize_bits(vectors, signed=True)
    assert signed.dtype == np.int8
    np.testing.assert_array_equal(signed.astype(int) + 128, bits)


def test_bits_equal_those_of_sentence_transformers(sentence_transformers, rng):
    for n_channels in (1, 7, 8, 9, 64, 100):
        vectors = rng.standard_normal((50, n_channels)).astype(np.float32)
        vectors[rng.random(vectors.shape) < 0.1] = 0
        for precision in ("binary", "ubinary"):
            theirs = sentence_transformers.quantize_embeddings(vectors, precision)
            ours = quantize(vectors, precision)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)


def test_an_unknown_precision_is_refused():
    with pytest.raises(UserError, match=r"precision='binry' .*did you mean 'binary'"):
        quantize(np.ones((1, 8), np.float32), "binry")
