"""The tokenizers of published families: ids and texts are those of the ``tokenizers`` library."""

import json
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.text import (
    BPETokenizer,
    ByteFallbackTokenizer,
    Place,
    StreamDecoder,
    load_tokenizer,
    prepare,
)
from scratchgpt.text.corpora import documents, pieces
from scratchgpt.text.corpora.pieces import cut_between_words

NAMES = [
    *("Llama-3-8B", "Llama-3.1-8B", "Qwen2-0.5B", "Qwen2.5-0.5B", "Qwen3-0.6B", "SmolLM2-135M"),
    *("nanochat-d20", "Mistral-Nemo", "Llama-2-7b", "Mistral-7B-v0.3", "words of Metaspace"),
]
FALLBACK = NAMES[8:]
PARTS = [
    *("The user", " asks", "assistant", "what's", "WE'LL", "12345", "7", "é", "e\u0301", "日本語"),
    *("ß", "😀", "👩‍🚀", " ", " ", "  ", "\n", "\n\n", " \n", "\t", "\r\n", "▁", "_", "...", "/"),
    *("<|im_end|>", "<s>", "</s>", "<|eot_id|>", "<|bos|>", "[INST]", "<unk>", "<0x41>", "\0"),
    *("\u3000", "\xa0", "\u200b", "ﷺ", "<think>"),
]
TEXTS = st.lists(st.sampled_from(PARTS) | st.text(max_size=4), max_size=25).map("".join)


def tokenizer_of(families, name):
    content = families.content(name)
    kind = ByteFallbackTokenizer if name in FALLBACK else BPETokenizer
    tokenizer = kind.from_json(content)
    assert type(tokenizer) is kind
    return tokenizer


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
@example(text="".join(PARTS))
@example(text="")
def test_ids_and_decoded_texts_are_those_of_the_library(families, name, text):
    tokenizer, reference = tokenizer_of(families, name), families.library(name)
    marked = reference.encode(text).ids
    assert tokenizer.encode_marked(text).tolist() == marked
    reference.encode_special_tokens = True
    ids = reference.encode(text, add_special_tokens=False).ids
    assert tokenizer.encode(text).tolist() == ids
    for some in (ids, marked, ids[1:], ids[::-1], ids[::2]):
        assert tokenizer.decode(some) == reference.decode(some)


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
@example(text="".join(PARTS))
def test_names_of_special_tokens_in_a_text_are_text(families, name, text):
    tokenizer = tokenizer_of(families, name)
    special = {one["id"] for one in families.content(name)["added_tokens"] if one["special"]}
    ids = set(tokenizer.encode(text).tolist())
    unknown = families.library(name).token_to_id("<unk>")
    assert not ids & special - {unknown}


@pytest.mark.parametrize("name", NAMES)
@given(texts=st.lists(st.sampled_from(PARTS[:25]), max_size=9))
@example(texts=["The user"])
@example(texts=[" asks"])
def test_a_text_after_a_special_token_is_encoded_as_by_the_library(families, name, texts):
    tokenizer, text = tokenizer_of(families, name), "".join(texts)
    special, token = next((n, t) for t, n in tokenizer.special_names().items() if n != "<unk>")
    ids = families.library(name).encode(special + text, add_special_tokens=False).ids
    after = tokenizer.encode_after(Place.TOKEN, [text])[0].tolist()
    assert [token, *after] == ids


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_stream_of_any_tokens_is_their_text(families, name, data):
    tokenizer, reference = tokenizer_of(families, name), families.library(name)
    every = st.integers(0, tokenizer.vocab_size - 1)
    ids = data.draw(st.lists(every, max_size=25))
    stream = StreamDecoder(tokenizer)
    parts = [*map(stream.push, ids), stream.flush()]
    assert "".join(parts) == tokenizer.decode(ids) == reference.decode(ids)
    assert tokenizer.n_bytes(ids) == len(b"".join(map(tokenizer.token_bytes, ids)))


@pytest.mark.parametrize("name", FALLBACK)
def test_bytes_are_held_until_the_run_ends_and_are_text_only_if_all_are(families, name):
    tokenizer = tokenizer_of(families, name)
    byte = families.library(name).token_to_id
    letter = byte("T")
    stream = StreamDecoder(tokenizer)
    pushed = [
        byte("<0xC3>"),
        byte("<0xA9>"),
        letter,
        byte("<0xC3>"),
        byte("<0xA9>"),
        byte("<0xFF>"),
    ]
    assert [stream.push(token) for token in pushed] == ["", "", "éT", "", "", ""]
    assert stream.flush() == "\ufffd" * 3


@pytest.mark.parametrize("name", FALLBACK)
def test_the_space_before_a_text_is_removed_and_that_of_a_continuation_is_not(families, name):
    tokenizer = tokenizer_of(families, name)
    ids = tokenizer.encode("The user").tolist()
    assert tokenizer.decode(ids) == "The user"
    assert StreamDecoder(tokenizer).push(ids[0]) == tokenizer.decode(ids[:1])
    later = StreamDecoder(tokenizer, before=ids)
    assert later.push(ids[0]) == tokenizer.token_bytes(ids[0]).decode()
    assert later.push(ids[0]).startswith(" ")
    only_special = StreamDecoder(tokenizer, before=[1])
    assert only_special.push(ids[0]) == tokenizer.decode(ids[:1])


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS, size=st.integers(1, 9))
@example(text="a▁ b " * 9 + "  x" * 9, size=4)
def test_the_tokens_of_the_pieces_are_those_of_the_text(families, name, text, size):
    tokenizer = tokenizer_of(families, name)
    assert tokenizer.cuts
    blocks = (text[i : i + size] for i in range(0, len(text), size))
    with mock.patch.object(pieces, "LONGEST_PIECE", 6):
        found = list(cut_between_words(blocks, tokenizer.cuts))
    encode = [tokenizer.encode, *[tokenizer.encode_next] * len(found)]
    tokens = [t for piece, one in zip(found, encode, strict=False) for t in one(piece).tolist()]
    assert tokens == tokenizer.encode(text).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_has_the_tokens_of_its_documents(families, write, monkeypatch, name):
    monkeypatch.setattr(documents, "BLOCK", 7)
    monkeypatch.setattr(pieces, "LONGEST_PIECE", 9)
    tokenizer = tokenizer_of(families, name)
    texts = ["The user asks " * 9, "日本語 ß é\n12345 é\n" * 3, " x", "y\n\ny  y"]
    corpus = prepare([write(f"{i}.txt", text) for i, text in enumerate(texts)], tokenizer)
    end = [] if tokenizer.end_of_text is None else [tokenizer.end_of_text]
    expected = np.concatenate([[*tokenizer.encode(text), *end] for text in texts])
    np.testing.assert_array_equal(corpus.tokens.read(0, len(corpus.tokens)), expected)


def test_a_token_with_a_space_inside_makes_cuts_unsafe(families):
    content = families.content("Llama-2-7b")
    content["model"]["vocab"]["s▁"] = len(content["model"]["vocab"])
    content["model"]["merges"].insert(0, ["s", "▁"])
    tokenizer = ByteFallbackTokenizer.from_json(content)
    assert tokenizer.cuts == ()
    whole = tokenizer.encode("s a").tolist()
    parts = [*tokenizer.encode("s").tolist(), *tokenizer.encode_next(" a").tolist()]
    assert whole != parts


@pytest.mark.parametrize("name", FALLBACK)
def test_a_token_in_the_text_makes_cuts_unsafe(families, name):
    content = families.content(name)
    token = {"id": len(content["model"]["vocab"]), "content": "<a>", "special": False}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    content["added_tokens"].append({**token, **flags})
    assert ByteFallbackTokenizer.from_json(content).cuts == ()


@pytest.mark.parametrize("name", NAMES)
def test_marked_text_has_the_ids_of_transformers(families, transformers, name):
    tokenizer = tokenizer_of(families, name)
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_object=families.library(name))
    for text in ("", "The user", " x  é日本", "a</s>b<|im_end|> c"):
        assert tokenizer.encode_marked(text).tolist() == list(theirs(text)["input_ids"])


@pytest.mark.parametrize("name", ["Llama-2-7b", "Qwen3-0.6B"])
def test_a_folder_gives_the_same_tokenizer_again(families, tmp_path, name):
    (tmp_path / "tokenizer.json").write_text(json.dumps(families.content(name)))
    first = load_tokenizer(tmp_path)
    folder = tmp_path / "again"
    folder.mkdir()
    first.with_chat_format("zephyr").save(folder / "tokenizer.json")
    again = load_tokenizer(folder)
    assert (type(again), again.fingerprint) == (type(first), first.fingerprint)
    assert (first.chat_format, again.chat_format) == (None, "zephyr")


@pytest.mark.parametrize(
    ("decoder", "name"),
    [
        ({"type": "Strip", "content": " ", "start": 2, "stop": 0}, "Strip"),
        ({"type": "CTC", "pad_token": "x", "word_delimiter_token": "y", "cleanup": True}, "CTC"),
    ],
)
def test_another_decoder_is_refused_by_name(families, tmp_path, decoder, name):
    content = families.content("Llama-2-7b")
    content["decoder"]["decoders"][-1] = decoder
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"unsupported kind of tokenizer .*{name}"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("add", [True, False])
@pytest.mark.parametrize("name", ["Llama-2-7b", "Llama-3-8B", "Qwen2-0.5B"])
def test_the_start_token_is_that_of_tokenizer_json_as_in_transformers(
    families, transformers, tmp_path, name, add
):
    """``add_bos_token`` in ``tokenizer_config.json`` does not override it."""
    (tmp_path / "tokenizer.json").write_text(json.dumps(families.content(name)))
    start = "<s>" if "Llama-2" in name else "<|begin_of_text|>"
    config = {"add_bos_token": add, "add_eos_token": add}
    config |= {"tokenizer_class": "PreTrainedTokenizerFast"}
    config |= {} if "Qwen" in name else {"bos_token": start}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    for text in ("", "The user"):
        assert tokenizer.encode_marked(text).tolist() == list(theirs(text)["input_ids"])


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_has_the_start_token_of_the_library_and_special_tokens_are_text(families, name):
    tokenizer, reference = tokenizer_of(families, name), families.library(name)
    reference.encode_special_tokens = True
    for text in ("", "The user", "a</s><|im_end|><|bos|>"):
        assert tokenizer.encode_prompt(text).tolist() == reference.encode(text).ids
    start = {"Llama-2-7b": "<s>", "Llama-3-8B": "<|begin_of_text|>", "Qwen2-0.5B": None}
    if name in start:
        token = tokenizer.special_token(start[name]) if start[name] else tokenizer.encode("T")[0]
        assert tokenizer.encode_prompt("T")[0] == token


def test_the_end_of_a_text_is_that_of_the_files_of_the_folder(families, tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(families.content("Qwen2-0.5B")))
    tokens = families.library("Qwen2-0.5B").token_to_id
    end, document = tokens("<|im_end|>"), tokens("<|endoftext|>")
    assert load_tokenizer(tmp_path).end_of_text == document
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    assert load_tokenizer(tmp_path).end_of_text == end
    config = {"eos_token_id": [end, document]}
    (tmp_path / "generation_config.json").write_text(json.dumps(config))
    assert load_tokenizer(tmp_path).end_of_text == end
