import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import ByteTokenizer, load_tokenizer, train_bpe
from scratchgpt.text.tokenizers.bpe import BPETokenizer

TEXT = "the cat sat on the mat, the rat sat on the cat\n" * 20


@pytest.fixture(scope="module")
def bpe():
    return train_bpe([TEXT], 300)


def test_frequent_words_become_tokens(bpe):
    assert 260 < bpe.vocab_size <= 300
    assert bpe.token_bytes(bpe.encode("on the")[-1]) == b" the"
    assert len(bpe.encode(TEXT)) < len(TEXT) / 2


def test_the_vocabulary_does_not_depend_on_how_texts_are_split(bpe):
    lines = TEXT.splitlines(keepends=True)
    assert train_bpe(iter(lines), 300).fingerprint == bpe.fingerprint


def test_every_byte_can_be_encoded_for_any_training_text(bpe):
    text = "".join(map(chr, range(0x800))) + "😀\U0010ffff"
    assert bpe.decode(bpe.encode(text)) == text


def test_the_name_of_the_end_of_text_in_training_text_is_ordinary_text():
    bpe = train_bpe(["<|endoftext|>" * 50], 290)
    assert bpe.end_of_text not in bpe.encode("a<|endoftext|>")
    assert bpe.decode(bpe.encode("a<|endoftext|>")) == "a<|endoftext|>"


@pytest.mark.parametrize("size", [256, 1, -3])
def test_a_vocabulary_without_room_for_the_bytes_is_refused(size):
    with pytest.raises(UserError, match=f"vocabulary of {size} is too small.* 257"):
        train_bpe([TEXT], size)


def test_the_smallest_vocabulary_is_the_bytes_and_the_end_of_text():
    bpe = train_bpe([TEXT], 257)
    assert bpe.vocab_size == 257
    assert len(bpe.encode(TEXT)) == len(TEXT)


def test_a_padding_token_takes_a_place_in_the_vocabulary():
    bpe = train_bpe([TEXT], 258, padding=True)
    assert (bpe.vocab_size, {bpe.end_of_text, bpe.padding}) == (258, {0, 1})
    assert train_bpe([TEXT], 258).padding is None
    with pytest.raises(UserError, match=r"257 is too small: .* the end of text and the padding"):
        train_bpe([TEXT], 257, padding=True)


def test_a_file_in_the_older_format_of_gpt2_gives_the_same_ids(bpe, tmp_path):
    old = json.loads(json.dumps(bpe.to_json()))
    del old["model"]["type"]
    old["model"]["merges"] = [" ".join(pair) for pair in old["model"]["merges"]]
    old["post_processor"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps(old), encoding="utf-8")
    loaded = load_tokenizer(tmp_path)
    assert isinstance(loaded, BPETokenizer)
    assert loaded.end_of_text == bpe.end_of_text
    np.testing.assert_array_equal(loaded.encode(TEXT), bpe.encode(TEXT))


def test_truncation_and_padding_in_the_file_are_ignored(bpe):
    content = json.loads(json.dumps(bpe.to_json()))
    content["truncation"] = {
        "direction": "Right",
        "max_length": 5,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    content["padding"] = {
        "strategy": {"Fixed": 9999},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<|endoftext|>",
    }
    np.testing.assert_array_equal(BPETokenizer(content).encode(TEXT), bpe.encode(TEXT))


def test_ids_may_have_gaps(bpe):
    content = json.loads(json.dumps(bpe.to_json()))
    content["model"]["vocab"]["zz"] = 310
    tokenizer = BPETokenizer(content)
    assert tokenizer.vocab_size == 311
    assert tokenizer.token_bytes(310) == b"zz"
    assert tokenizer.token_bytes(305) == b""


def test_an_added_token_that_is_not_special_has_the_bytes_of_its_name(bpe):
    content = json.loads(json.dumps(bpe.to_json()))
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = {"id": bpe.vocab_size, "content": "<usér>", **flags, "special": False}
    content["added_tokens"].append(added)
    tokenizer = BPETokenizer(content)
    assert tokenizer.encode("<usér>").tolist() == [bpe.vocab_size]
    assert tokenizer.token_bytes(bpe.vocab_size) == "<usér>".encode()


def test_a_bpe_of_bytes_with_merges_is_not_loaded_as_the_byte_tokenizer(bpe):
    content = ByteTokenizer().to_json()
    assert ByteTokenizer.from_json(content) is not None
    assert ByteTokenizer.from_json(bpe.to_json()) is None
    content["model"]["merges"] = [["a", "b"]]
    assert ByteTokenizer.from_json(content) is None


@pytest.mark.parametrize("size", [2**24 + 1, 2**31, 2**63, 10**19])
def test_a_huge_vocabulary_is_refused(size):
    """The tokenizers library reserves the memory for it, and aborts the process."""
    with pytest.raises(UserError, match=r"vocabulary of [\d,]+ is too large; choose at most 16,77"):
        train_bpe(["ab"], size)


@pytest.mark.parametrize(("n_tokens", "limit"), [(10, 1 << 16), (40_000, 80_000)])
def test_ids_may_have_gaps_but_not_huge_ones(n_tokens, limit):
    content = train_bpe(["ab"], 257).to_json()
    vocab = content["model"]["vocab"]
    n_more = max(n_tokens - len(vocab) - 1, 0)
    vocab |= {f"more {i}": len(vocab) + i for i in range(n_more)}
    vocab["last"] = limit - 1
    assert BPETokenizer(content).vocab_size == limit
    vocab["last"] = limit
    with pytest.raises(UserError, match=rf"'last' has id {limit}, .* must be below {limit:,}"):
        BPETokenizer(content)


def test_special_tokens_are_added_after_the_others(bpe):
    n = bpe.vocab_size
    other = bpe.with_special_tokens(["<a>", "<|endoftext|>", "<b>"])
    assert [other.special_token(name) for name in ("<a>", "<b>", "<c>")] == [n, n + 1, None]
    assert other.special_token("<|endoftext|>") == other.end_of_text == bpe.end_of_text
    assert other.special_token("the") is None
    assert other.vocab_size == n + 2
    for text in ("the cat", "<a> on <b>", ""):
        np.testing.assert_array_equal(other.encode(text), bpe.encode(text))
    assert other.encode_marked("<a>the").tolist() == [n, *bpe.encode("the")]
    assert other.decode([n, *bpe.encode("the")]) == "the"
    assert other.fingerprint != bpe.fingerprint
    assert bpe.with_special_tokens([]).fingerprint == bpe.fingerprint


def test_added_special_tokens_are_saved_and_read(bpe, tmp_path):
    other = bpe.with_special_tokens(["<a>"])
    other.save(tmp_path / "tokenizer.json")
    read = load_tokenizer(tmp_path)
    assert read.fingerprint == other.fingerprint
    assert read.special_token("<a>") == bpe.vocab_size


def test_a_prompt_is_split_after_its_last_special_token(bpe):
    other = bpe.with_special_tokens(["<a>", "<é>"])
    a, e = other.special_token("<a>"), other.special_token("<é>")
    assert other.split_prompt("") == ([], "")
    assert other.split_prompt("on the ") == ([], "on the ")
    assert other.split_prompt("<a>") == ([a], "")
    assert other.split_prompt("é<é> on the<a>: <b") == (
        [*bpe.encode("é"), e, *bpe.encode(" on the"), a],
        ": <b",
    )
    with pytest.raises(UserError, match="lone surrogate"):
        other.split_prompt("\ud800")


def test_an_ordinary_token_becomes_special_under_its_own_id(families):
    content = families.content("Llama-2-7b")
    content["added_tokens"] = [one for one in content["added_tokens"] if one["content"] != "</s>"]
    plain = BPETokenizer(content)
    assert plain.special_token("</s>") is None
    other = plain.with_special_tokens(["</s>", "<new>"])
    assert other.special_names()[content["model"]["vocab"]["</s>"]] == "</s>"
    assert other.special_token("<new>") == plain.vocab_size
    assert other.vocab_size == plain.vocab_size + 1


def test_a_folder_does_not_keep_the_chat_format_of_another_tokenizer(bpe, tmp_path):
    path = tmp_path / "tokenizer.json"
    bpe.with_chat_format("chatml").save(path)
    assert load_tokenizer(path).chat_format == "chatml"
    bpe.save(path)
    assert load_tokenizer(path).chat_format is None
