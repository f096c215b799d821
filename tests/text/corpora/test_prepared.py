import json
import os
import shutil

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
