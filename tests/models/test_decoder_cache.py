"""Decoding with a cache, compared with the whole forward pass, in float64."""

from contextlib import nullcontext

import numpy as np
import pytest

from scratchgpt import kernels

each_norm_position = pytest.mark.parametrize("norm_position", ["pre", "post"])


def sources(n_batch=3):
    """Create sources of different lengths, with padding."""
    src = np.random.default_rng(0).integers(1, 13, (n_batch, 5))
    src[1, 2:] = 0
    src[2, 4:] = 0
    return src


def targets(n_rows, n_time=6, seed=1):
    return np.random.default_rng(seed).integers(0, 13, (n_rows, n_time))


def begin(model, src, **options):
    return model.new_cache(model.encode(src), model.padding_mask(src), **options)


@each_norm_position
@pytest.mark.parametrize("n_beams", [1, 2, 4])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_extending_a_cache_gives_the_logits_of_the_whole_text(
    small_transformer, norm_position, n_beams, positions, assert_close
):
    model = small_transformer(norm_position=norm_position, padding_id=0, positions=positions)
    src, tgt = sources(), targets(3 * n_beams)
    expected, _ = model.forward(np.repeat(src, n_beams, axis=0), tgt)
    cache = begin(model, src, n_beams=n_beams)
    cache.select(np.repeat(np.arange(3), n_beams))
    done = 0
    for n in (1, 2, 1, 1, 1):
        logits = model.extend(tgt[:, done : done + n], cache)
        done += n
        assert_close(logits, expected[:, done - 1], 1e-12)
        assert cache.length == done


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("with_kernels", [True, False])
def test_texts_may_continue_other_texts(small_transformer, with_kernels, dtype, assert_close):
    """Simulate a random search: texts are repeatedly selected, dropped and duplicated."""
    model, exact = small_transformer(dtype, padding_id=0), small_transformer(padding_id=0)
    rng = np.random.default_rng(3)
    src, texts = sources(), np.zeros((3, 0), int)
    cache = begin(model, src, n_beams=3)
    sentences = np.arange(3)
    if with_kernels:
        pytest.importorskip("numba")
    with nullcontext() if with_kernels else kernels.disabled():
        for n_rows, n_new in ((3, 1), (9, 1), (9, 1), (5, 2), (1, 1), (7, 1)):
            rows = rng.integers(0, len(texts), n_rows) if texts.size else np.arange(3)
            cache.select(rows)
            sentences, new = sentences[rows], targets(n_rows, n_new, seed=n_rows)
            texts = np.concatenate([texts[rows], new], axis=1)
            expected, _ = exact.forward(src[sentences], texts)
            logits = model.extend(new, cache)
            assert_close(logits, expected[:, -1], 1e-12 if dtype == np.float64 else 1e-4)


def test_more_texts_than_there_is_room_for_are_refused(small_transformer):
    cache = begin(small_transformer(padding_id=0), sources(), n_beams=2)
    with pytest.raises(ValueError, match="7 texts are more than the cache's maximum of 6"):
        cache.select(np.zeros(7, int))


def test_without_padding_no_mask_is_needed(small_transformer, assert_close):
    model = small_transformer()
    src, tgt = sources(), targets(3)
    expected, _ = model.forward(src, tgt)
    cache = model.new_cache(model.encode(src))
    assert_close(model.extend(tgt, cache), expected[:, -1], 1e-12)


def test_a_cache_may_be_for_shorter_texts(small_transformer, assert_close):
    model = small_transformer(padding_id=0)
    src, tgt = sources(), targets(3)
    cache = begin(model, src, n_positions=4)
    assert cache.keys.shape == (3, 3, 3, 4, 4)  # L, B, H, positions, D
    expected, _ = model.forward(src, tgt[:, :4])
    assert_close(model.extend(tgt[:, :4], cache), expected[:, -1], 1e-12)


def test_targets_longer_than_the_cache_are_refused(small_transformer):
    model = small_transformer()
    cache = begin(model, sources(), n_positions=4)
    model.extend(targets(3, 3), cache)
    with pytest.raises(ValueError, match="5 tokens are more than the 4 positions of the cache"):
        model.extend(targets(3, 2), cache)


def test_targets_longer_than_a_block_are_refused(small_transformer):
    model = small_transformer()
    cache = begin(model, sources())
    model.extend(targets(3, 7), cache)
    with pytest.raises(ValueError, match="8 tokens are more than the model's block_size of 7"):
        model.extend(targets(3, 1), cache)


def test_encode_is_the_forward_of_the_encoder(small_transformer):
    model = small_transformer(padding_id=0)
    src = sources()
    _, saved = model.forward(src, targets(3))
    np.testing.assert_array_equal(model.encode(src), saved.decoder.memory)
    with pytest.raises(ValueError, match=r"src_mask has shape \(2, 2\); it must be \(5, 5\)"):
        model.encode(src, src_mask=np.zeros((2, 2), bool))
