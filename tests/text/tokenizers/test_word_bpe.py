"""The tokenizer of GPT-1, and the published file formats of GPT-1 and GPT-2."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Reference
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from scratchgpt.errors import UserError
from scratchgpt.text import BPETokenizer, StreamDecoder, WordBPETokenizer, load_tokenizer

STRANGE = [
    *("\n", "\r\n", "\t", "\x00", "\x1b", "\x7f", "\x85", "\xa0", "\xad", "\u0301", "e\u0301"),
    *("é", "É", "\u200b", "\u200d", "\u2028", "\u3000", "\ufeff", "\ufffd", "中", "あ", "한", "ا"),
    *("ß", "İ", "ﬁ", "Ǆ", "👩\u200d👧", "🇩🇪", "𝒜", "\U0010ffff", "'ll", "42", "a", "A", "THE", "."),
    *(" ", " " * 17, " " * 300, "</w>", "the", "cat's", "<unk>", "<|endoftext|>", "<unk", "|>"),
]
TEXTS = st.lists(st.sampled_from(STRANGE) | st.text(max_size=5), max_size=30).map("".join)
CORPUS = ["".join(STRANGE).lower() * 3, "the cat's hat, the cat's mat; 12 cats\n  " * 30]
NAMES_OF_SPECIALS = ("<unk>", "<|endoftext|>")


def gpt1(vocab_size=300, corpus=CORPUS):
    """Build a tokenizer like transformers does for GPT-1."""
    backend = Reference(models.BPE(end_of_word_suffix="</w>", unk_token="<unk>"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<unk>"],
        limit_alphabet=40,  # so that some characters are unknown
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    backend.train_from_iterator(corpus, trainer)
    return backend


def gpt2(vocab_size=400):
    """Build a tokenizer like transformers does for GPT-2."""
    backend = Reference(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    return backend


LIBRARY = {"gpt1": gpt1(), "gpt2": gpt2()}


def from_json(backend, folder):
    (folder / "tokenizer.json").write_text(backend.to_str(), encoding="utf-8")
    return load_tokenizer(folder)


def from_vocab_files(backend, folder):
    backend.model.save(str(folder))
    return load_tokenizer(folder)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Each tokenizer, loaded from each file format."""
    return {
        (name, form.__name__): form(backend, tmp_path_factory.mktemp("tokenizer"))
        for name, backend in LIBRARY.items()
        for form in (from_json, from_vocab_files)
    }


each_form = pytest.mark.parametrize("form", ["from_json", "from_vocab_files"])


@each_form
@pytest.mark.parametrize("name", LIBRARY)
@given(text=TEXTS)
@example(text="".join(STRANGE))
def test_ids_and_text_equal_those_of_the_library(read, name, form, text):
    tokenizer, library = read[name, form], LIBRARY[name]
    ids = library.encode(text, add_special_tokens=False).ids
    np.testing.assert_array_equal(tokenizer.encode_marked(text), np.array(ids, np.int64))
    assert tokenizer.decode(ids) == library.decode(ids)
    for special in NAMES_OF_SPECIALS:  # ``encode`` would read the names as text
        text = text.replace(special, "")
    ids = library.encode(text, add_special_tokens=False).ids
    np.testing.assert_array_equal(tokenizer.encode(text), np.array(ids, np.int64))


@each_form
@pytest.mark.parametrize("name", LIBRARY)
@given(data=st.data())
def test_the_library_decodes_any_ids_identically(read, name, form, data):
    tokenizer, library = read[name, form], LIBRARY[name]
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=20))
    assert tokenizer.decode(ids) == library.decode(ids)


@given(data=st.data())
def test_streamed_text_equals_decoded_text(read, data):
    """After a prompt, prompt and streamed text together are the text of all tokens."""
    tokenizer = read["gpt1", "from_json"]
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=20))
    stream = StreamDecoder(tokenizer)
    assert "".join(map(stream.push, ids)) + stream.flush() == tokenizer.decode(ids)

    words = tokenizer.encode("the cat").tolist()
    stream = StreamDecoder(tokenizer, before=words)
    continuation = "".join(map(stream.push, ids)) + stream.flush()
    assert tokenizer.decode(words) + continuation == tokenizer.decode(words + ids)


def test_the_kinds_are_distinguished(read):
    assert type(read["gpt1", "from_json"]) is WordBPETokenizer
    assert type(read["gpt1", "from_vocab_files"]) is WordBPETokenizer
    assert type(read["gpt2", "from_json"]) is BPETokenizer
    assert type(read["gpt2", "from_vocab_files"]) is BPETokenizer
    assert read["gpt2", "from_vocab_files"].end_of_text == LIBRARY["gpt2"].token_to_id(
        "<|endoftext|>"
    )


def test_case_and_spaces_are_lost_and_unknown_characters_have_a_token(read):
    tokenizer = read["gpt1", "from_json"]
    assert tokenizer.decode(tokenizer.encode("  The\n CAT ")) == "the cat"
    assert tokenizer.decode(tokenizer.encode("the 쀍 cat")) == "the cat"
    assert LIBRARY["gpt1"].token_to_id("<unk>") in tokenizer.encode("the 쀍 cat")
    assert tokenizer.encode(" \n").size == 0


def test_a_word_counts_with_the_space_after_it(read):
    tokenizer = read["gpt1", "from_json"]
    assert tokenizer.n_bytes(tokenizer.encode("the cats")) == len("the cats ")


def test_a_saved_tokenizer_is_loaded_unchanged(read, tmp_path):
    tokenizer = read["gpt1", "from_vocab_files"]
    tokenizer.save(tmp_path / "tokenizer.json")
    again = load_tokenizer(tmp_path)
    assert again.fingerprint == tokenizer.fingerprint
    np.testing.assert_array_equal(again.encode("the cat's hat"), tokenizer.encode("the cat's hat"))


@pytest.mark.parametrize("name", LIBRARY)
def test_ids_equal_those_of_transformers(transformers, read, name, tmp_path):
    LIBRARY[name].model.save(str(tmp_path))
    kind = {"gpt1": "OpenAIGPTTokenizer", "gpt2": "GPT2Tokenizer"}[name]
    theirs = getattr(transformers, kind).from_pretrained(tmp_path)
    tokenizer = read[name, "from_vocab_files"]
    for text in (*CORPUS, "".join(STRANGE), "Nothing NEW  under the sun…", ""):
        ids = theirs(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.encode_marked(text).tolist() == list(ids)


@pytest.fixture
def files(tmp_path):
    LIBRARY["gpt2"].model.save(str(tmp_path))
    return tmp_path


def refused(path, *parts):
    with pytest.raises(UserError) as caught:
        load_tokenizer(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_added_tokens_are_special(files):
    n = LIBRARY["gpt2"].get_vocab_size()
    (files / "added_tokens.json").write_text(json.dumps({"<|padding|>": n}))
    tokenizer = load_tokenizer(files)
    assert (tokenizer.vocab_size, tokenizer.padding) == (n + 1, n)
    assert tokenizer.decode([n]) == ""


def test_lines_may_end_as_on_windows(files):
    expected = load_tokenizer(files)
    path = files / "merges.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_tokenizer(files).fingerprint == expected.fingerprint


def test_a_tokenizer_json_takes_precedence(files):
    (files / "tokenizer.json").write_text(LIBRARY["gpt1"].to_str(), encoding="utf-8")
    assert type(load_tokenizer(files)) is WordBPETokenizer


def test_one_file_of_the_two_is_not_enough(files):
    (files / "merges.txt").unlink()
    refused(files, "merges.txt is missing", "a tokenizer needs both vocab.json and merges.txt")


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("vocab.json", "{", "; download it again"),
        ("vocab.json", "[]", "not an object of tokens"),
        ("vocab.json", '{"a": "b"}', "not an object of tokens"),
        ("vocab.json", '{"a": 1, "b": 2}', "neither a GPT-2 vocabulary"),
        ("merges.txt", "a b c\n", "line 1 is not a pair"),
        ("merges.txt", "#version: 0.2\na b\nab\n", "line 3 is not a pair"),
        ("merges.txt", "#version: 0.2\nzz yy\n", "damaged"),
        ("added_tokens.json", "3", "added_tokens.json is damaged"),
    ],
)
def test_damaged_files_are_refused(files, name, text, part):
    (files / name).write_text(text)
    refused(files, part)


def test_files_that_are_not_utf8_are_refused(files):
    (files / "merges.txt").write_bytes(b"\xff\xfe")
    refused(files, "cannot read the tokenizer", "merges.txt")


def test_more_special_tokens_leave_the_kind_of_the_tokenizer_unchanged():
    tokenizer = WordBPETokenizer(json.loads(gpt1().to_str()))
    other = tokenizer.with_special_tokens(["<|user|>"])
    assert type(other) is WordBPETokenizer
    assert other.decode(other.encode("the cat's hat")) == tokenizer.decode(
        tokenizer.encode("the cat's hat")
    )
