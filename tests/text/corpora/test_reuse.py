"""A prepared corpus in place of text: it is used as it is, and its files are never read as text."""

import glob
import json
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import ByteTokenizer, learn_tokenizer, prepare

TEXT = "a small text that is prepared, and then trained on; " * 40


@pytest.fixture
def prepared(write, tmp_path):
    return prepare([write("a.txt", TEXT)], "bpe:270", val_fraction=0.2, directory=tmp_path / "d")


def test_a_prepared_corpus_is_opened_as_it_is(prepared):
    folder = str(prepared.directory)
    for again in (
        prepare([folder]),
        prepare([folder], "bpe:270", val_fraction=0.2),
        prepare([folder], folder),
        prepare([folder], prepared.tokenizer),
    ):
        assert again.manifest == prepared.manifest
        assert (len(again.train), len(again.val)) == (len(prepared.train), len(prepared.val))
        np.testing.assert_array_equal(again.train.read(0, 9), prepared.train.read(0, 9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer": "characters"}, "its own tokenizer .bpe, 270 tokens., not with characters"),
        ({"tokenizer": "bpe:280"}, "not with bpe:280; use that one, or name the text instead"),
        ({"tokenizer": ByteTokenizer()}, "not with this bytes tokenizer"),
        ({"val_fraction": 0.1}, "was prepared with val_fraction=0.2, not 0.1; leave it out"),
    ],
)
def test_another_tokenizer_or_split_is_refused(prepared, options, message):
    with pytest.raises(UserError, match=message):
        prepare([str(prepared.directory)], **options)


@pytest.mark.parametrize("damage", ["none", "no manifest", "no JSON", "interrupted at once"])
def test_no_way_to_name_its_files_reads_them_as_text(prepared, write, tmp_path, damage):
    folder, other = str(prepared.directory), write("b.txt", TEXT)
    manifest = Path(folder) / "manifest.json"
    if damage == "no JSON":
        manifest.write_text("{")
    elif damage != "none":
        state = {"key": "k", "lengths": [], "sha256": [], "document": 0, "piece": 0, "token": 0}
        write("d/preparation.json", json.dumps(state))
        manifest.unlink()
    if damage == "interrupted at once":
        for path in Path(folder).glob("[st]*"):
            path.unlink()
    files = sorted(glob.glob(f"{folder}/*"))
    ways = [[folder, other], [str(tmp_path)], [f"{folder}/*"], *([file] for file in files)]
    for words in ways:
        with pytest.raises(UserError, match="is part of the prepared corpus"):
            prepare(words, "bytes")
    with pytest.raises(UserError, match="is part of the prepared corpus"):
        learn_tokenizer([folder], "characters")
    with pytest.raises(UserError, match="is part of the prepared corpus"):
        prepare([folder], "bytes", directory=tmp_path / "again")
    if damage != "none":
        with pytest.raises(UserError, match=r"was interrupted; run|is damaged"):
            prepare([folder])


def test_files_of_these_names_elsewhere_are_text(write, tmp_path):
    write("x/manifest.json", "{}")
    write("x/tokenizer.json", "some text")
    assert prepare([str(tmp_path / "x")], "bytes").manifest.n_bytes == 11
