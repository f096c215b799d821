"""TextEncoder: the order, the bits and the precision of vectors, prompts, and long texts."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import kernels_available, random_stream
from scratchgpt.embeddings import TextEncoder
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig, save_pretrained
from scratchgpt.ops.unit import unit_forward
from scratchgpt.precision import products_in
from scratchgpt.text import CharacterTokenizer, train_bpe
from scratchgpt.training.model_files import save_model

needs_kernels = pytest.mark.skipif(not kernels_available(), reason="there are no kernels")
each_pooling = pytest.mark.parametrize("pooling", ["last", "mean"])


# The same bits.


def in_other_batches(encoder, texts):
    """Encode texts alone, and shuffled, a few at a time, with another budget of tokens."""
    yield np.stack([encoder.encode(text) for text in texts])
    order = random_stream(0, "order").permutation(len(texts))
    shuffled = np.empty((len(texts), encoder.dim), encoder.model.dtype)
    for i in range(0, len(order), 7):
        some = order[i : i + 7]
        shuffled[some] = encoder.encode([texts[j] for j in some], tokens_per_batch=300)
    yield shuffled


@needs_kernels
@each_pooling
@pytest.mark.parametrize("width", [(3, 96), (4, 128), (5, 40)], ids=lambda pair: f"C={pair[1]}")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_text_has_the_same_bits_whatever_it_is_batched_with(
    make_encoder, texts, pooling, width, precision
):
    n_head, n_embd = width
    encoder = make_encoder(pooling=pooling, n_head=n_head, n_embd=n_embd, block_size=128)
    some = [*texts(30, 60, seed=4), "", "a"]
    with products_in(precision):
        together = encoder.encode(some)
        for others in in_other_batches(encoder, some):
            np.testing.assert_array_equal(others, together)
    assert len(np.unique(together, axis=0)) > 25


@needs_kernels
def test_the_number_of_threads_changes_no_bit():
    script = Path(__file__).with_name("bits_process.py")
    printed = [
        subprocess.run(
            [sys.executable, str(script)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "SCRATCHGPT_THREADS": n},
        ).stdout
        for n in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert printed[0].count("\n") == 2


@each_pooling
def test_without_kernels_only_the_last_bits_depend_on_the_batch(
    make_encoder, texts, assert_close, pooling
):
    encoder = make_encoder(pooling=pooling, block_size=64)
    some = texts(20, 40)
    with kernels.disabled():
        together = encoder.encode(some)
        for others in in_other_batches(encoder, some):
            assert_close(others, together, 1e-6)
    assert_close(encoder.encode(some), together, 1e-5)


# Texts in, vectors out.


def test_vectors_are_in_the_order_of_the_texts_and_equal_texts_have_equal_vectors(
    make_encoder, texts
):
    encoder = make_encoder()
    some = ["one", "", "a longer text than this", "one", "x"]
    vectors = encoder.encode(some)
    assert vectors.shape == (5, 12)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors[0], vectors[3])
    assert len(np.unique(vectors, axis=0)) == 4
    np.testing.assert_array_equal(encoder.encode(some[::-1]), vectors[::-1])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_one_string_has_one_vector_and_no_texts_have_none(make_encoder):
    encoder = make_encoder()
    np.testing.assert_array_equal(encoder.encode("one"), encoder.encode(["one"])[0])
    assert encoder.encode([]).shape == (0, 12)
    codes, scale = encoder.encode([], precision="int8")
    assert codes.shape == (0, 12)
    assert scale.shape == (0, 1)
    np.testing.assert_array_equal(encoder.encode(iter(["a", "b"])), encoder.encode(["a", "b"]))


def test_equal_texts_are_encoded_once(make_encoder):
    encoder = make_encoder()
    done = []
    encoder.encode(["a", "b", "a"] * 5, on_progress=lambda *numbers: done.append(numbers))
    assert done[-1] == (2, 2)
    done.clear()
    encoder.encode(
        ["a", "b c d", "e"], tokens_per_batch=4, on_progress=lambda *numbers: done.append(numbers)
    )
    assert [n for n, _ in done] == [1, 2, 3]


def test_the_vector_is_the_pooled_state_between_the_start_and_the_end_token(
    make_encoder, assert_close
):
    for pooling in ("last", "mean"):
        encoder = make_encoder(np.float64, pooling=pooling)
        [row] = encoder.tokenize(["read x1"], prompt_name="query")
        tokenizer = encoder.tokenizer
        assert row[0] == tokenizer.special_token("<|query|>")
        assert row[-1] == tokenizer.end_of_text
        np.testing.assert_array_equal(row[1:-1], tokenizer.encode("read x1"))
        states = encoder.model.transformer.forward(row[None])[0][0]
        pooled = states[-1] if pooling == "last" else states.mean(axis=0)
        expected = pooled / np.linalg.norm(pooled)
        assert_close(encoder.encode_query("read x1"), expected, 1e-13)


def test_prompts_choose_the_start_token(make_encoder):
    encoder = make_encoder()
    query, document = encoder.encode_query("a b"), encoder.encode_document("a b")
    assert (query != document).any()
    same = np.testing.assert_array_equal
    same(encoder.encode("a b"), document)
    same(encoder.encode("a b", prompt_name="query"), query)
    same(encoder.encode_document("a b", prompt_name="query"), query)
    same(encoder.encode_query("a b", prompt_name=None), query)
    same(encoder.encode("a b", prompt="<|query|>"), query)
    same(encoder.encode("b", prompt="<|query|>a "), query)
    same(encoder.encode_query("b", prompt="<|document|>a "), document)
    assert (encoder.encode("a b", prompt="") != document).any()


def test_a_name_of_a_special_token_in_a_text_is_text(make_encoder):
    encoder = make_encoder()
    [row] = encoder.tokenize(["<|query|>"])
    assert len(row) > 3
    assert encoder.tokenizer.special_token("<|query|>") not in row
    assert (
        encoder.tokenize([""], prompt="<|endoftext|>")[0] == encoder.tokenizer.end_of_text
    ).all()


def test_wrong_arguments_are_refused(make_encoder):
    encoder = make_encoder()
    for arguments, message in [
        ({"prompt_name": "qery"}, "prompt_name='qery' .* query, document; did you mean 'query'"),
        ({"prompt_name": "query", "prompt": "a"}, "give prompt or prompt_name, not both"),
        ({"prompt": "a b c d e f g h " * 4}, r"the prompt has \d+ tokens, but .* only 24 tokens"),
        ({"truncate_dim": 13}, "truncate_dim=13 is more than the 12 channels"),
        ({"truncate_dim": 0}, "truncate_dim=0"),
        ({"precision": "int4"}, "precision='int4' is not one of float32, int8, .*did you mean"),
    ]:
        with pytest.raises(UserError, match=message):
            encoder.encode("a", **arguments)
    with pytest.raises(UserError, match="a text is of type int; give strings"):
        encoder.encode(["a", 3])
    with pytest.raises(UserError, match="lone surrogate"):
        encoder.encode(["\ud800"])


def test_vectors_are_cut_then_normalized_then_quantized(make_encoder, texts):
    encoder = make_encoder()
    some = texts(9, 6)
    whole = encoder.encode(some)
    cut = encoder.encode(some, truncate_dim=5)
    np.testing.assert_array_equal(cut, whole[:, :5])
    assert (np.linalg.norm(cut, axis=1) < 0.999).all()
    units = encoder.encode(some, truncate_dim=5, normalize_embeddings=True)
    np.testing.assert_array_equal(units, unit_forward(cut)[0])
    codes, scale = encoder.encode(some, truncate_dim=5, normalize_embeddings=True, precision="int8")
    assert codes.dtype == np.int8
    assert (np.abs(codes).max(axis=1) == 127).all()
    np.testing.assert_allclose(codes * scale, units, atol=1 / 250)
    bits = encoder.encode(some, truncate_dim=5, precision="ubinary")
    np.testing.assert_array_equal(bits, np.packbits(cut > 0, axis=1))
    one = encoder.encode(some[0], precision="int8")
    np.testing.assert_array_equal(one.codes, encoder.encode(some, precision="int8").codes[0])


def test_similarities_are_cosines_in_float32(make_encoder, rng):
    encoder = make_encoder()
    a, b = rng.standard_normal((3, 7)), rng.standard_normal((2, 7))
    cosines = [[x @ y / np.linalg.norm(x) / np.linalg.norm(y) for y in b] for x in a]
    np.testing.assert_allclose(encoder.similarity(a, b), cosines, rtol=1e-13)
    half = encoder.similarity(a.astype(np.float16), b[0].astype(np.float16))
    assert half.shape == (3, 1)
    assert half.dtype == np.float32
    assert encoder.similarity(np.zeros(7), a).tolist() == [[0, 0, 0]]


# Long texts.


def test_long_texts_keep_their_end_token_are_counted_and_told_once(make_encoder):
    encoder = make_encoder(block_size=8)
    long = "read the file " * 20
    with pytest.warns(
        UserWarning, match=r"texts longer than 8 tokens are cut.* 2 of 3; this is said"
    ):
        encoder.encode([long, "a", long + "x"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode(long)
    assert encoder.n_truncated == 3
    [row] = encoder.tokenize([long])
    assert len(row) == encoder.max_tokens == 8
    assert row[-1] == encoder.tokenizer.end_of_text
    np.testing.assert_array_equal(row[1:-1], encoder.tokenizer.encode(long)[:6])


def test_a_text_that_just_fits_is_not_cut(make_encoder):
    encoder = make_encoder(block_size=8)
    text = next(t for t in ("a " * n for n in range(20)) if len(encoder.tokenizer.encode(t)) == 6)
    assert len(encoder.tokenize([text])[0]) == 8
    assert encoder.n_truncated == 0


# Models.


def test_damaged_weights_are_one_clear_line(make_encoder):
    encoder = make_encoder()
    encoder.model.transformer.h[0].mlp.c_fc.weight.value[0, 0] = np.nan
    with pytest.raises(UserError, match="NaN or infinity; its weights are damaged"):
        encoder.encode(["a"])


def test_a_saved_encoder_is_loaded_from_the_folder_of_a_model_or_a_run(make_encoder, tmp_path):
    encoder = make_encoder(pooling="last", dims=(7, 3))
    save_model(tmp_path / "run" / "last", encoder.model, encoder.tokenizer)
    for folder in (tmp_path / "run", str(tmp_path / "run" / "last")):
        loaded = TextEncoder.from_pretrained(folder)
        np.testing.assert_array_equal(loaded.encode_query("a b"), encoder.encode_query("a b"))
        assert loaded.fingerprint == encoder.fingerprint
        assert loaded.model.config == encoder.model.config
        assert loaded.scale == encoder.scale
    assert TextEncoder.from_pretrained(folder, dtype=np.float64).encode("a").dtype == np.float64


def test_the_fingerprint_depends_on_weights_options_and_prompts(make_encoder, tokenizer):
    encoder = make_encoder()
    others = [make_encoder(pooling="last"), make_encoder(block_size=23), make_encoder(dims=(3,))]
    other = make_encoder()
    other.model.store.values[5] += 1
    others.append(other)
    prompts = encoder.prompts._replace(default="query")
    others.append(TextEncoder(encoder.model, tokenizer, prompts))
    assert len({one.fingerprint for one in (encoder, *others)}) == 6
    assert make_encoder().fingerprint == encoder.fingerprint
    assert make_encoder(dropout=0.5).fingerprint == encoder.fingerprint


def test_other_models_and_tokenizers_are_refused(make_encoder, tokenizer, tmp_path):
    model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=4, vocab_size=5))
    save_pretrained(model, tmp_path / "gpt")
    with pytest.raises(UserError, match=r"continues texts, it does not encode texts; train an"):
        TextEncoder.from_pretrained(tmp_path / "gpt")
    with pytest.raises(UserError, match="there is no folder"):
        TextEncoder.from_pretrained(tmp_path / "nowhere")
    encoder = make_encoder().model
    with pytest.raises(UserError, match="the tokenizer lacks the start tokens of queries"):
        TextEncoder(encoder, train_bpe(["a b"], 257))
    with pytest.raises(UserError, match="an encoder needs a bpe tokenizer, not characters"):
        TextEncoder(encoder, CharacterTokenizer("abc"))
    small = make_encoder(vocab_size=tokenizer.vocab_size).model
    with pytest.raises(UserError, match=r"the tokenizer has \d+ tokens but the model has"):
        TextEncoder(small, tokenizer.with_special_tokens([f"<{i}>" for i in range(99)]))
