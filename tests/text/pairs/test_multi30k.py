import gzip
import hashlib
from dataclasses import replace

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import read_pairs, training_pairs
from scratchgpt.text.pairs.multi30k import MULTI30K_FILES

SIZES = {"train": 4, "val": 3, "test_2016_flickr": 2}


def content(name):
    part, language = name.split(".")
    rows = [f"{part} {language} {i}\n" for i in range(SIZES[part])]
    return gzip.compress("".join(rows).encode(), mtime=0)


@pytest.fixture
def small(monkeypatch, write, tmp_path):
    """Small files in the place of those of multi30k, in the data folder only."""
    monkeypatch.setenv("SCRATCHGPT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name, wanted in list(MULTI30K_FILES.items()):
        write(f"data/{wanted.file}", content(name))
        checksum = hashlib.sha256(content(name)).hexdigest()
        url = f"http://127.0.0.1:1/{name}"
        monkeypatch.setitem(MULTI30K_FILES, name, replace(wanted, sha256=checksum, url=url))


@pytest.mark.parametrize("word", ["multi30k", "multi30k:de-en", "multi30k:en-de"])
def test_the_three_splits_are_read_in_either_direction(small, word):
    source, target = ("en", "de") if word.endswith("de") else ("de", "en")
    for split, part in zip(("train", "val", "test"), SIZES, strict=True):
        text = read_pairs([word], split)
        assert text.source == [f"{part} {source} {i}" for i in range(SIZES[part])]
        assert text.target == [f"{part} {target} {i}" for i in range(SIZES[part])]
        assert text.languages == (source, target)
        assert text.has_splits
        assert text.source_name.endswith(f"multi30k/{part}.{source}.gz")


def test_the_validation_split_is_used_for_validation(small):
    train, val = training_pairs(["multi30k"], val_fraction=0.5)
    assert train.source == read_pairs(["multi30k"], "train").source
    assert val.source == read_pairs(["multi30k"], "val").source


def test_a_file_of_that_name_takes_precedence(small, write, monkeypatch, tmp_path):
    write("multi30k", "a file")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"multi30k is one file but neither \.tsv nor \.jsonl"):
        read_pairs(["multi30k"])


@pytest.mark.parametrize("languages", ["fr-en", "de-fr", "de-EN"])
def test_a_language_without_a_file_is_refused(languages):
    with pytest.raises(UserError, match=r"there is no file for the language '(fr|EN)'; choose"):
        read_pairs([f"multi30k:{languages}"])


def test_a_file_with_the_wrong_checksum_is_refused(small, write):
    path = write("data/multi30k/val.en.gz", gzip.compress(b"something else\n"))
    with pytest.raises(UserError, match=r"is not val\.en of multi30k: its checksum differs") as e:
        read_pairs(["multi30k"], "val")
    assert path in str(e.value)


def test_the_error_without_data_folder_and_network_says_where_to_put_the_file(small, monkeypatch):
    monkeypatch.delenv("SCRATCHGPT_DATA")
    with pytest.raises(
        UserError,
        match=r"cannot download train\.de of multi30k: .*put the file at multi30k/train\.de\.gz in",
    ) as caught:
        read_pairs(["multi30k"])
    assert "\n" not in str(caught.value)


def test_the_files_are_those_of_the_authors_at_a_fixed_commit():
    assert len(MULTI30K_FILES) == len({wanted.sha256 for wanted in MULTI30K_FILES.values()}) == 6
    for name, wanted in MULTI30K_FILES.items():
        assert wanted.file == f"multi30k/{name}.gz"
        begin, commit, *end = wanted.url.removeprefix("https://").split("/")[2:]
        assert (begin, "/".join(end)) == ("dataset", f"data/task1/raw/{name}.gz")
        assert len(bytes.fromhex(commit)) == 20
