"""Settings of a ``tokenizer.json`` are followed as the ``tokenizers`` library does, or refused."""

import contextlib
import json

import pytest
from tokenizers import Tokenizer as Backend

from scratchgpt.errors import UserError
from scratchgpt.text import ByteTokenizer, CharacterTokenizer, load_tokenizer, train_bpe
from scratchgpt.text.tokenizers.tokenizer import base_json

TEXTS = ["ab ba\n", "  Ab  aé", "a"]
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
WORDS = base_json(
    normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}
    | {"strip_accents": None, "lowercase": True},
    pre_tokenizer={"type": "BertPreTokenizer"},
    decoder={"type": "BPEDecoder", "suffix": "</w>"},
    model={
        "type": "BPE",
        "unk_token": "<unk>",
        "end_of_word_suffix": "</w>",
        "vocab": {"<unk>": 0, "a": 1, "b": 2, "a</w>": 3, "b</w>": 4, "ab</w>": 5, "é</w>": 6},
        "merges": [["a", "b</w>"]],
    },
)
CONTENTS = {
    "bytes": ByteTokenizer().to_json(),
    "characters": CharacterTokenizer("ab éA\n", end_of_text=True).to_json(),
    "bpe": train_bpe(["ab ba ab é A\n" * 9], 270).to_json(),
    "words": WORDS,
}
STEPS = [
    {"type": "Lowercase"},
    {"type": "Replace", "pattern": {"String": "a"}, "content": "b"},
    {"type": "Whitespace"},
    {**BYTE_LEVEL, "use_regex": True},
    {**BYTE_LEVEL, "use_regex": False},
    {**BYTE_LEVEL, "add_prefix_space": True, "use_regex": True},
    {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True},
    {"type": "Fuse"},
    {"type": "Strip", "content": "a", "start": 1, "stop": 0},
]
ADDED = {"id": 1, "content": "ab", "normalized": True, "special": False}
ADDED |= {"single_word": False, "lstrip": False, "rstrip": False}
VALUES = [None, True, 0, 0.5, "", "##", "</w>", "a", [], [ADDED], {}, *STEPS]
SETTINGS = [
    *("normalizer", "pre_tokenizer", "decoder", "post_processor", "added_tokens", "unknown"),
    *("model.unk_token", "model.continuing_subword_prefix", "model.end_of_word_suffix"),
    *("model.fuse_unk", "model.byte_fallback", "model.ignore_merges", "model.type"),
    *("pre_tokenizer.type", "pre_tokenizer.add_prefix_space", "pre_tokenizer.use_regex"),
    *("pre_tokenizer.invert", "pre_tokenizer.behavior", "decoder.type", "decoder.suffix"),
    *("normalizer.lowercase", "normalizer.strip_accents"),
]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", CONTENTS)
def test_a_setting_is_followed_or_refused(tmp_path, kind, setting):
    for value in VALUES:
        content = changed(kind, setting, value)
        path = tmp_path / "tokenizer.json"
        path.write_text(json.dumps(content))
        with contextlib.suppress(UserError):
            check_equal(load_tokenizer(path), content)


def changed(kind, setting, value):
    content = json.loads(json.dumps(CONTENTS[kind]))
    part, _, name = setting.rpartition(".")
    holder = content[part] if part else content
    if holder is not None:
        holder[name] = value
    return content


def check_equal(tokenizer, content):
    """Compare with the library, which also refuses values that have no effect."""
    try:
        backend = Backend.from_str(json.dumps(content))
    except Exception:
        assert tokenizer.kind in ("bytes", "characters")
        return
    backend.encode_special_tokens = True
    for text in TEXTS:
        try:
            ids = tokenizer.encode(text).tolist()
        except UserError:
            with pytest.raises(Exception, match=r"WordLevel error|Unk token"):
                backend.encode(text)
            continue
        assert backend.encode(text, add_special_tokens=False).ids == ids, content
        assert tokenizer.decode(ids) == backend.decode(ids), content


@pytest.mark.parametrize(
    ("kind", "setting", "value", "message"),
    [
        ("characters", "normalizer", STEPS[0], r"unsupported kind .*normalizer Lowercase"),
        ("characters", "decoder", None, r"does not follow its setting decoder"),
        ("characters", "unknown", 1, r"does not follow its setting unknown"),
        ("bpe", "model.continuing_subword_prefix", "##", r"continuing_subword_prefix='##'"),
        ("bytes", "model.continuing_subword_prefix", "##", r"continuing_subword_prefix='##'"),
    ],
)
def test_a_setting_that_is_not_followed_is_named(tmp_path, kind, setting, value, message):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(changed(kind, setting, value)))
    with pytest.raises(UserError, match=message):
        load_tokenizer(path)
