"""Tokenizers of other programs, compared with the ``tokenizers`` library and ``transformers``."""

import copy
import json
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Reference
from tokenizers import processors

from scratchgpt.errors import UserError
from scratchgpt.text import (
    BPETokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    StreamDecoder,
    WordBPETokenizer,
    load_tokenizer,
    train_bpe,
)

TEXT = "the cat sat on the mat, the rat sat on the cat\n" * 20
BPE = train_bpe([TEXT], 300)
N = BPE.vocab_size
TEXTS = st.lists(st.sampled_from(["the cat", " the", "mat\n", "é", "😀", " "])).map("".join)


def content_of(**model):
    content = copy.deepcopy(BPE.to_json())
    content["model"].update(model)
    return content


def with_entries(entries):
    return content_of(vocab={**BPE.to_json()["model"]["vocab"], **entries})


def word_bpe(**model):
    names = ["<unk>", *"thecat", *(f"{c}</w>" for c in "thecat"), "th", "the</w>", "ca", "cat</w>"]
    model = {
        "type": "BPE",
        "end_of_word_suffix": "</w>",
        "unk_token": "<unk>",
        "vocab": {name: i for i, name in enumerate(dict.fromkeys(names))},
        "merges": [["t", "h"], ["th", "e</w>"], ["c", "a"], ["ca", "t</w>"]],
        **model,
    }
    decoder = {"type": "BPEDecoder", "suffix": "</w>"}
    pre_tokenizer = {"type": "BertPreTokenizer"}
    parts = {"model": model, "decoder": decoder, "pre_tokenizer": pre_tokenizer}
    return {**BPE.to_json(), "added_tokens": [], **parts}


def save(content, folder):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def library(content):
    return Reference.from_str(json.dumps(content))


@pytest.mark.parametrize("dropout", [1e-3, 0.1, 0.5, 1, 1.0])
@pytest.mark.parametrize("make", [content_of, word_bpe])
def test_dropout_is_switched_off_with_one_warning(tmp_path, make, dropout):
    expected = BPETokenizer(make()).encode(TEXT)
    with pytest.warns(UserWarning, match=f"has dropout={dropout}, .* switched off") as said:
        tokenizer = load_tokenizer(save(make(dropout=dropout), tmp_path))
    assert len(said) == 1
    texts = [tokenizer.encode(TEXT) for _ in range(3)]
    texts += [tokenizer.encode_marked(TEXT), *tokenizer.encode_all([TEXT, TEXT])]
    for tokens in texts:
        np.testing.assert_array_equal(tokens, expected)
    tokenizer.save(tmp_path / "tokenizer.json")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load_tokenizer(tmp_path)  # the saved file has no dropout
    assert (
        again.fingerprint == tokenizer.fingerprint == BPETokenizer(make(dropout=None)).fingerprint
    )


SETTINGS = {
    "truncation": {
        "truncation": {
            "direction": "Left",
            "max_length": 3,
            "strategy": "LongestFirst",
            "stride": 1,
        }
    },
    "padding": {
        "padding": {
            "strategy": "BatchLongest",
            "direction": "Left",
            "pad_to_multiple_of": 8,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "<|endoftext|>",
        }
    },
    "fuse_unk": content_of(unk_token="a", fuse_unk=True),
    "ignore_merges": content_of(ignore_merges=True),
    "byte_fallback": content_of(byte_fallback=True),
    "continuing_subword_prefix": content_of(continuing_subword_prefix=""),
    "normalizer": {"normalizer": {"type": "Lowercase"}},
    "add_prefix_space": {
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}
    },
}


@pytest.mark.parametrize("name", SETTINGS)
@given(texts=st.lists(TEXTS, max_size=3))
@example(texts=["The cat", "", "the cat sat on the mat"])
def test_other_settings_give_the_ids_of_the_library_for_each_text_by_itself(name, texts):
    content = {**content_of(), **SETTINGS[name]}
    tokenizer, reference = BPETokenizer(content), library(content)
    reference.no_truncation()
    reference.no_padding()
    expected = [reference.encode(text).ids for text in texts]
    assert [ids.tolist() for ids in tokenizer.encode_all(texts)] == expected
    assert [tokenizer.encode(text).tolist() for text in texts] == expected
    assert [tokenizer.encode_marked(text).tolist() for text in texts] == expected
    assert [tokenizer.decode(ids) for ids in expected] == [reference.decode(i) for i in expected]


LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
LOWER = {"type": "Lowercase"}
LETTERS = CharacterTokenizer("abT").to_json()
TEMPLATE = {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"model": {"type": "Unigram", "vocab": [["a", -1.0]], "unk_id": 0}}, "model Unigram"),
        ({"model": {"type": "WordPiece", "vocab": {"a": 0}}}, "model WordPiece"),
        ({"decoder": {"type": "Metaspace"}}, "decoder Metaspace"),
        ({"decoder": None}, "model BPE"),
        (
            {"decoder": {"type": "Sequence", "decoders": [LEVEL, {"type": "Strip"}]}},
            r"decoder ByteLevel \+ Strip",
        ),
        ({**word_bpe(), "decoder": {"type": "BPEDecoder", "suffix": "_"}}, "decoder BPEDecoder"),
        ({**LETTERS, "normalizer": LOWER}, "normalizer Lowercase"),
        ({**LETTERS, "post_processor": TEMPLATE}, "post_processor TemplateProcessing"),
        ({**LETTERS, "model": {**LETTERS["model"], "unk_token": "a"}}, "model WordLevel"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(tmp_path, content, part):
    path = save({**content_of(), **content}, tmp_path)
    with pytest.raises(UserError, match=rf"unsupported kind of tokenizer \(.*{part}"):
        load_tokenizer(path)


@pytest.mark.parametrize("parts", [{"normalizer": LOWER}, SETTINGS["add_prefix_space"]])
def test_a_vocabulary_of_bytes_with_other_settings_is_not_the_byte_tokenizer(tmp_path, parts):
    content = {**ByteTokenizer().to_json(), **parts}
    tokenizer = load_tokenizer(save(content, tmp_path))
    assert tokenizer.encode("The\ncat").tolist() == library(content).encode("The\ncat").ids


# Also those that cannot be the result of training: spaces, other scripts, parts of both.
ENTRIES = st.lists(
    st.text(max_size=4) | st.sampled_from(["<|new line|>", "日本", "a b", "Ġé", "\u0120x日"])
)


@given(entries=ENTRIES, gap=st.integers(1, 5), data=st.data())
@example(entries=["<|new line|>", "日本", "é\u0301", "\xad", "\n", ""], gap=3, data=None)
def test_every_id_is_decoded_as_by_the_library(entries, gap, data):
    new = [
        entry for entry in dict.fromkeys(entries) if entry not in BPE.to_json()["model"]["vocab"]
    ]
    content = with_entries({entry: N + gap * i for i, entry in enumerate(new)})
    tokenizer, reference = BPETokenizer(content), library(content)
    every = range(tokenizer.vocab_size)
    for ids in [*([i] for i in every), list(every), [] if data is None else data.draw(some(every))]:
        text = reference.decode(ids)
        assert tokenizer.decode(ids) == text
        stream = StreamDecoder(tokenizer)
        assert "".join(map(stream.push, ids)) + stream.flush() == text
        assert tokenizer.n_bytes(ids) == len(b"".join(map(tokenizer.token_bytes, ids)))


def some(ids):
    return st.lists(st.sampled_from(ids), max_size=20)


def test_a_special_token_of_any_name_has_no_bytes(tmp_path):
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    content = with_entries({"<|new line|>": N, "日本": N + 1})
    content["added_tokens"] += [
        {"id": N, "content": "<|new line|>", **flags, "special": True},
        {"id": N + 1, "content": "日本", **flags, "special": False},
    ]
    tokenizer, reference = load_tokenizer(save(content, tmp_path)), library(content)
    for ids in ([N], [N + 1], [N, N + 1, 65]):
        assert tokenizer.decode(ids) == reference.decode(ids)
    assert tokenizer.encode_marked("a<|new line|>日本").tolist()[-2:] == [N, N + 1]
    assert N not in tokenizer.encode("a<|new line|>")


def test_the_tables_are_built_when_the_file_is_loaded(tmp_path):
    tokenizer = load_tokenizer(save(with_entries({"日本": N}), tmp_path))
    assert {"_token_bytes", "_byte_lengths"} <= vars(tokenizer).keys()


def words_with(entries):
    return word_bpe(vocab={"<unk>": 0, **entries}, merges=[])


@pytest.mark.parametrize("make", [with_entries, words_with])
@pytest.mark.parametrize(
    ("vocab", "part"),
    [({"xx": 290, "yy": 290}, "have the same id 290"), ({"xx": 1 << 31}, "'xx' has id 2147483648")],
)
def test_ids_that_are_not_usable_are_refused(tmp_path, make, vocab, part):
    with pytest.raises(UserError, match=f"is damaged: .*{part}"):
        load_tokenizer(save(make(vocab), tmp_path))


SPECIALS = [("<s>", N), ("</s>", N + 1)]
POST_PROCESSORS = {
    "start and end": processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B", special_tokens=SPECIALS
    ),
    "start": processors.TemplateProcessing(single="<s> $A", special_tokens=SPECIALS),
    "end": processors.TemplateProcessing(single="$A </s>", special_tokens=SPECIALS),
    "RoBERTa": processors.RobertaProcessing(("</s>", N + 1), ("<s>", N)),
    "BERT": processors.BertProcessing(("</s>", N + 1), ("<s>", N)),
    "several": processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<s> $A", special_tokens=SPECIALS),
        ]
    ),
    "none": processors.ByteLevel(trim_offsets=True),
}


def with_post_processor(name):
    reference = library(with_entries(dict(SPECIALS)))
    reference.add_special_tokens([name for name, _ in SPECIALS])
    reference.post_processor = POST_PROCESSORS[name]
    return reference


@pytest.mark.parametrize("name", POST_PROCESSORS)
@given(text=TEXTS)
@example(text="")
@example(text="<s>the cat</s><|endoftext|>")
def test_the_tokens_around_a_text_are_those_of_the_library(name, text):
    reference = with_post_processor(name)
    tokenizer = BPETokenizer(json.loads(reference.to_str()))
    assert tokenizer.encode_marked(text).tolist() == reference.encode(text).ids
    plain = text.replace("<s>", "").replace("</s>", "").replace("<|endoftext|>", "")
    ids = reference.encode(plain, add_special_tokens=False).ids
    assert tokenizer.encode(plain).tolist() == ids


@pytest.mark.parametrize("name", POST_PROCESSORS)
def test_the_tokens_around_any_text_are_known_and_can_be_set(name):
    reference = with_post_processor(name)
    tokenizer = BPETokenizer(json.loads(reference.to_str()))
    before, after = tokenizer.around
    text = "the cat"
    assert [*before, *tokenizer.encode(text), *after] == reference.encode(text).ids
    plain = tokenizer.with_around([], [])
    assert plain.around == ([], [])
    again = library(plain.with_around(before, after).to_json())
    for text in ("", "the cat", "<s>a"):
        assert again.encode(text).ids == reference.encode(text).ids
    pair = again.encode("the", "cat").ids
    assert pair == [*before, *plain.encode("the"), *after, *plain.encode("cat"), *after]
    np.testing.assert_array_equal(plain.encode("the cat"), tokenizer.encode("the cat"))


def test_a_tokenizer_without_letters_cannot_say_what_is_around_a_text():
    content = json.loads(library(BPE.to_json()).to_str())
    content["model"]["vocab"] = {"b": 0}
    content["model"]["merges"] = []
    with pytest.raises(UserError, match="no token for the letter a"):
        _ = BPETokenizer({**content, "added_tokens": []}).around


def test_words_also_get_the_tokens_around_them():
    content = word_bpe()
    n = len(content["model"]["vocab"])
    content["model"]["vocab"]["<s>"] = n
    reference = library(content)
    reference.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", n)]
    )
    tokenizer = WordBPETokenizer(json.loads(reference.to_str()))
    assert tokenizer.encode_marked("the cat").tolist() == reference.encode("the cat").ids
    assert tokenizer.encode_marked("the cat")[0] == n


@pytest.mark.parametrize("name", POST_PROCESSORS)
def test_marked_text_has_the_ids_of_transformers(transformers, tmp_path, name):
    reference = with_post_processor(name)
    reference.save(str(tmp_path / "tokenizer.json"))
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_object=reference)
    tokenizer = load_tokenizer(tmp_path)
    for text in ("", "the cat", "the <s>cat</s>\n<|endoftext|>"):
        assert tokenizer.encode_marked(text).tolist() == list(theirs(text)["input_ids"])


def test_a_byte_order_mark_in_any_file_is_not_part_of_its_text(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("\ufeff" + json.dumps(BPE.to_json()), encoding="utf-8")
    assert load_tokenizer(path).fingerprint == BPE.fingerprint
    path.write_text(json.dumps(BPE.to_json()), encoding="utf-16")
    with pytest.raises(UserError, match=r"tokenizer\.json: it is not UTF-8: .*it is UTF-16"):
        load_tokenizer(path)
