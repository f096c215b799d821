"""Decoding with a cache beside the whole forward pass, float64."""

import numpy as np
import pytest

each_norm_position = pytest.mark.parametrize("norm_position", ["pre", "post"])


def sources(n_batch=3):
    """Of different lengths, padded."""
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
    done = 0
    for n in (1, 2, 1, 1, 1):
        logits = model.extend(tgt[:, done : done + n], cache)
        done += n
        assert_close(logits, expected[:, done - 1], 1e-12)
        np.testing.assert_array_equal(cache.texts.lengths, done)


@each_norm_position
def test_hypotheses_may_be_chosen_and_reordered_within_their_sentence(
    small_transformer, norm_position, assert_close
):
    model = small_transformer(norm_position=norm_position, padding_id=0)
    src, tgt = sources(), targets(6)
    cache = begin(model, src, n_beams=2)
    model.extend(tgt[:, :3], cache)
    rows = np.array([1, 1, 2, 3, 5, 4])
    chosen = cache.rows(rows)
    assert chosen.keys is cache.keys  # the sentences are the same
    following = targets(6, 2, seed=2)
    logits = model.extend(following, chosen)
    texts = np.concatenate([tgt[rows, :3], following], axis=1)
    expected, _ = model.forward(np.repeat(src, 2, axis=0), texts)
    assert_close(logits, expected[:, -1], 1e-12)
    # It was a copy: the first one goes on as if nothing had been.
    expected, _ = model.forward(np.repeat(src, 2, axis=0), tgt[:, :4])
    assert_close(model.extend(tgt[:, 3:4], cache), expected[:, -1], 1e-12)


def test_finished_sentences_leave_the_batch(small_transformer, assert_close):
    model = small_transformer(padding_id=0)
    src, tgt = sources(), targets(6)
    cache = begin(model, src, n_beams=2)
    model.extend(tgt[:, :3], cache)
    by_sentences, by_rows = cache.sentences(np.array([2, 0])), cache.rows([4, 5, 0, 1])
    texts = tgt[[4, 5, 0, 1], :4]
    expected, _ = model.forward(np.repeat(src[[2, 0]], 2, axis=0), texts)
    for chosen in (by_sentences, by_rows):
        assert_close(model.extend(texts[:, 3:], chosen), expected[:, -1], 1e-12)


def test_hypotheses_of_different_sentences_do_not_mix(small_transformer):
    model = small_transformer(padding_id=0)
    cache = begin(model, sources(), n_beams=2)
    with pytest.raises(ValueError, match="mix hypotheses of different sentences"):
        cache.rows(np.array([0, 2, 3, 3, 4, 5]))


def test_without_padding_no_mask_is_needed(small_transformer, assert_close):
    model = small_transformer()
    src, tgt = sources(), targets(3)
    expected, _ = model.forward(src, tgt)
    cache = model.new_cache(model.encode(src))
    assert cache.key_padding_mask is None
    assert_close(model.extend(tgt, cache), expected[:, -1], 1e-12)
    one = cache.sentences(np.array([1]))
    assert one.key_padding_mask is None


def test_a_cache_may_be_for_shorter_texts(small_transformer, assert_close):
    model = small_transformer(padding_id=0)
    src, tgt = sources(), targets(3)
    cache = begin(model, src, n_positions=4)
    assert cache.texts.keys.shape == (3, 3, 3, 4, 4)  # L, B, H, positions, D
    expected, _ = model.forward(src, tgt[:, :4])
    assert_close(model.extend(tgt[:, :4], cache), expected[:, -1], 1e-12)


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
    with pytest.raises(ValueError, match=r"src_mask is \(2, 2\) but must be \(5, 5\)"):
        model.encode(src, src_mask=np.zeros((2, 2), bool))
