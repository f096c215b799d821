import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import load_tokenizer, train_bpe

TEXT = "the cat sat on the mat, the rat sat on the cat\n" * 20
BPE = train_bpe([TEXT], 300)
PAIRS = {"hf": ("vocab.json", "merges.txt"), "openai": ("encoder.json", "vocab.bpe")}


@pytest.fixture
def pair(tmp_path):
    """``pair("openai")`` writes the two files of a tokenizer and returns their paths."""

    def pair(names, mark=""):
        model = BPE.to_json()["model"]
        merges = "".join(f"{' '.join(merge)}\n" for merge in model["merges"])
        contents = json.dumps(model["vocab"]), f"#version: 0.2\n{merges}"
        paths = [tmp_path / name for name in PAIRS[names]]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(mark + content, encoding="utf-8")
        return paths

    return pair


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("names", PAIRS)
def test_two_files_are_read_from_their_folder_or_by_either_name(pair, names, mark):
    vocab, merges = pair(names, mark=mark)
    for path in (vocab, merges, vocab.parent, str(vocab.parent)):
        tokenizer = load_tokenizer(path)
        assert tokenizer.vocab_size == BPE.vocab_size
        assert tokenizer.end_of_text == BPE.end_of_text
        np.testing.assert_array_equal(tokenizer.encode(TEXT), BPE.encode(TEXT))


@pytest.mark.parametrize("names", PAIRS)
@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_file_of_the_two_is_named(pair, names, missing):
    paths = pair(names)
    paths[missing].unlink()
    for path in (paths[1 - missing], paths[0].parent):
        with pytest.raises(
            UserError, match=rf"{paths[missing].name} is missing; a tokenizer needs"
        ):
            load_tokenizer(path)


def test_a_folder_with_two_tokenizers_is_refused_and_either_can_be_named(pair):
    pair("hf")
    vocab, merges = pair("openai")
    with pytest.raises(UserError, match=r"two tokenizers, vocab\.json and encoder\.json; name the"):
        load_tokenizer(vocab.parent)
    assert load_tokenizer(vocab).fingerprint == load_tokenizer(merges).fingerprint
    vocab.unlink()  # the other pair is complete
    assert load_tokenizer(merges.parent).vocab_size == BPE.vocab_size
    BPE.save(merges.parent / "tokenizer.json")
    assert load_tokenizer(merges.parent).fingerprint == BPE.fingerprint
