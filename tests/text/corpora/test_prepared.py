import hashlib
import json
import os
import shutil
from dataclasses import fields

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import (
    CharacterTokenizer,
    cache_directory,
    corpora_directory,
    open_prepared,
    prepare,
    prepared_in_cache,
)
from scratchgpt.text.corpora.prepared import Manifest


@pytest.fixture
def corpus(write):
    return prepare([write("a.txt", "some text to prepare\n" * 20)], "characters")


def test_a_folder_without_a_manifest_is_not_a_prepared_corpus(tmp_path, write):
    for folder in (tmp_path, tmp_path / "gone", write("file", "")):
        with pytest.raises(UserError, match=r"is not a prepared corpus; make one with `scratchgpt"):
            open_prepared(folder)


def change_manifest(corpus, **changes):
    path = corpus.directory / "manifest.json"
    manifest = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("content", ["", "{", "\udcff", '{"format_version": 1}'])
def test_a_damaged_manifest_is_refused_with_advice(corpus, content):
    path = corpus.directory / "manifest.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"manifest\.json is damaged: .*; remove .* and prepare"):
        open_prepared(corpus.directory)


@pytest.mark.parametrize("content", ["[]", "{}", '{"name": "an app"}'])
def test_the_manifest_of_something_else_is_refused(corpus, content):
    (corpus.directory / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="is not the manifest of a prepared corpus"):
        open_prepared(corpus.directory)


def test_a_manifest_of_another_version_is_refused(corpus):
    change_manifest(corpus, format_version=99)
    with pytest.raises(
        UserError, match="has format version 99, but this scratchgpt reads version 1; remove"
    ):
        open_prepared(corpus.directory)


def test_a_truncated_shard_is_refused_when_opened_and_when_prepared_again(corpus, write):
    os.truncate(corpus.directory / "shard-00000.bin", 5)
    message = r"shard-00000\.bin has 5 bytes instead of 420; remove"
    with pytest.raises(UserError, match=message):
        open_prepared(corpus.directory)
    with pytest.raises(UserError, match=message):
        prepare([corpus.manifest.documents[0]["name"]], "characters")


def test_a_changed_shard_is_refused_when_opened_and_when_prepared_again(corpus):
    path = corpus.directory / "shard-00000.bin"
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    message = r"shard-00000\.bin has changed since it was written: its checksum differs; remove .*"
    with pytest.raises(UserError, match=message):
        open_prepared(corpus.directory)
    with pytest.raises(UserError, match=message):
        prepare([corpus.manifest.documents[0]["name"]], "characters")


def test_tokens_outside_the_vocabulary_are_refused_when_read(corpus):
    content = bytes([0, 1, 99] * 140)
    (corpus.directory / "shard-00000.bin").write_bytes(content)
    change_manifest(corpus, sha256=[hashlib.sha256(content).hexdigest()])
    opened = open_prepared(corpus.directory)
    assert opened.tokens.read(0, 2).tolist() == [0, 1]
    for stream in (opened.tokens, opened.train, opened.val):
        with pytest.raises(UserError, match="has token 99, but its tokenizer has only 11 tokens"):
            stream.read(0, 4)


@pytest.mark.parametrize("value", [None, True, -1, 0, 10**30, 0.5, "x", [], [[]], {}, {"a": {}}])
@pytest.mark.parametrize("field", [each.name for each in fields(Manifest)])
def test_a_wrong_value_in_a_manifest_is_refused_in_one_line(corpus, field, value):
    may_be = {"n_bytes": [0], "n_train": [0], "val_fraction": [0.5], "key": ["x"]}
    change_manifest(corpus, **{field: value})
    if any(type(value) is type(each) and value == each for each in may_be.get(field, [])):
        assert open_prepared(corpus.directory).manifest != corpus.manifest
        return
    message = r"manifest\.json (is damaged|has format version)"
    with pytest.raises(UserError, match=message) as caught:
        open_prepared(corpus.directory)
    assert "\n" not in str(caught.value)
    assert prepared_in_cache() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"lengths": [400, 20]},
        {"lengths": [421]},
        {"lengths": [], "sha256": []},
        {"n_train": 421},
        {"dtype": "<f4"},
        {"dtype": "<u2"},
        {"documents": [{"name": "a"}]},
        {"tokenizer": {"kind": "bytes", "vocab_size": "3", "fingerprint": "a"}},
    ],
)
def test_a_manifest_that_contradicts_itself_or_the_shards_is_refused(corpus, changes):
    change_manifest(corpus, **changes)
    with pytest.raises(UserError, match=r"; remove .* and prepare the corpus again"):
        open_prepared(corpus.directory)


def test_a_damaged_corpus_can_be_removed_and_prepared_again(corpus):
    os.truncate(corpus.directory / "shard-00000.bin", 5)
    shutil.rmtree(corpus.directory)
    again = prepare([corpus.manifest.documents[0]["name"]], "characters")
    assert again.fingerprint == corpus.fingerprint


def test_a_different_tokenizer_in_the_folder_is_refused(corpus):
    CharacterTokenizer("other").save(corpus.directory / "tokenizer.json")
    with pytest.raises(UserError, match="is not the tokenizer of the shards in this folder; rem"):
        open_prepared(corpus.directory)


def test_opening_reads_no_tokens(corpus, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("tokens were read")

    monkeypatch.setattr(type(corpus.tokens), "read", refuse)
    opened = open_prepared(corpus.directory)
    assert len(opened.train) + len(opened.val) == len(opened.tokens) == 420


def test_the_cache_is_set_by_the_environment_or_is_that_of_the_user(cache, monkeypatch):
    import pooch

    assert cache_directory() == cache
    assert corpora_directory() == cache / "corpora"
    monkeypatch.delenv("SCRATCHGPT_CACHE")
    assert cache_directory() == pooch.os_cache("scratchgpt")


def test_prepared_corpora_in_the_cache_are_listed_newest_first(write):
    assert prepared_in_cache() == []
    corpora = [prepare([write(name, name)], "bytes") for name in ("a.txt", "b.txt", "c.txt")]
    for time, corpus in zip((2, 3, 1), corpora, strict=True):
        os.utime(corpus.directory / "manifest.json", (time, time))
    (corpora[2].directory / "manifest.json").write_text("damaged", encoding="utf-8")
    found = prepared_in_cache()
    assert found == [(c.directory, c.manifest) for c in (corpora[1], corpora[0])]
