"""An index: kept up to date, and searched by words and by meaning."""

import os
import threading

import numpy as np
import pytest

from scratchgpt.embeddings.index import index as module
from scratchgpt.embeddings.index import vectors as vectors_module
from scratchgpt.embeddings.index.index import Index
from scratchgpt.errors import UserError


@pytest.fixture
def opened(tmp_path):
    """``opened(encoder)`` opens the index in one folder, and collects what it says in ``said``."""

    def open_index(encoder=None, **options):
        return Index.open(tmp_path / "index", encoder, say=open_index.said.append, **options)

    open_index.said = []
    return open_index


def found(hits):
    return [(os.path.basename(hit.path), hit.first, hit.symbol) for hit in hits]


READ = ("code.py", 4, "read_configuration")
DOWNLOAD = ("code.py", 12, "Client.download")


def test_words_find_pieces(opened, tree):
    index = opened()
    assert index.update([tree]).added == 3
    hits = index.search("read the configurations", 2)
    assert found(hits)[0] == READ
    assert hits[0].text.startswith("def read_configuration(path):")
    assert hits[0].last == 6
    assert hits[0].score == hits[0].lexical > 0
    assert hits[0].semantic is None
    assert found(index.search("bread"))[0] == ("notes.md", 3, "Notes > Shopping")
    assert index.search("xyzzy") == []


def test_a_later_process_searches_without_reading_files(opened, tree, monkeypatch):
    opened().update([tree])
    monkeypatch.setattr("scratchgpt.embeddings.index.scanning.read_file", None)
    index = opened()
    assert index.update([tree]).kept == 3
    assert found(index.search("sea train"))[0] == ("notes.md", 7, "Notes > Travel")


def test_meaning_finds_what_no_word_does(opened, tree, encoder):
    index = opened(encoder)
    changes = index.update([tree])
    assert changes.embedded == len(set(index.contents.texts)) == len(encoder.embedded)
    assert index.n_missing == 0
    assert found(index.search("fetch", mode="semantic"))[0] == DOWNLOAD
    hybrid = index.search("fetch")
    assert found(hybrid)[0] == DOWNLOAD
    assert index.search("fetch", mode="lexical") == []
    assert all(hit.lexical == 0 for hit in hybrid)
    scores = [hit.score for hit in index.search("fetch", 99, mode="semantic")]
    assert scores == sorted(scores, reverse=True)


def test_renames_duplicates_and_reverted_changes_embed_nothing(opened, tree, encoder, write):
    opened(encoder).update([tree])
    n = len(encoder.embedded)
    (tree / "code.py").rename(tree / "moved.py")
    write(tree / "copy.md", (tree / "notes.md").read_text())
    changes = opened(encoder).update([tree])
    assert (changes.added, changes.removed, changes.embedded) == (2, 1, 0)
    source = (tree / "moved.py").read_text()
    write(tree / "moved.py", source + "\ndef new(): pass\n")
    assert opened(encoder).update([tree]).embedded == 1
    write(tree / "moved.py", source)
    assert opened(encoder).update([tree]).embedded == 0
    assert len(encoder.embedded) == n + 1


def test_another_model_embeds_everything_again_and_says_so(opened, tree, encoder, other_encoder):
    first = opened(encoder, model="runs/first")
    first.update([tree])
    assert opened.said == []
    second = opened(other_encoder)
    assert second.update([tree]).embedded == len(encoder.embedded)
    [line] = opened.said
    assert "another model (runs/first)" in line
    assert opened(other_encoder).update([tree]).embedded == 0
    assert len(opened.said) == 1


def test_without_an_encoder_the_vectors_are_kept(opened, tree, encoder, write):
    opened(encoder).update([tree])
    n = len(encoder.embedded)
    write(tree / "new.txt", "new")
    assert opened().update([tree]).embedded == 0
    assert opened(encoder).update([tree]).embedded == 1
    assert len(encoder.embedded) == n + 1


def test_an_interrupted_update_is_continued(opened, tree, encoder, monkeypatch):
    monkeypatch.setattr(vectors_module, "_BATCH", 2)
    embed = encoder.encode_document

    def interrupt(texts):
        if len(encoder.embedded) == 4:
            raise KeyboardInterrupt
        return embed(texts)

    encoder.encode_document = interrupt
    with pytest.raises(KeyboardInterrupt):
        opened(encoder).update([tree])
    assert found(opened().search("read configuration", 1)) == [READ]
    encoder.encode_document = embed
    index = opened(encoder)
    assert index.update([tree]).embedded == len(set(index.contents.texts)) - 4


def test_pieces_without_a_vector_count_by_their_words(opened, tree, encoder, write):
    opened(encoder).update([tree])
    write(tree / "new.txt", "zebra")
    opened().update([tree])
    index = opened(encoder)
    assert index.n_missing == 1
    assert found(index.search("zebra"))[0] == ("new.txt", 1, "")
    assert "new.txt" not in [name for name, *_ in found(index.search("zebra", mode="semantic"))]


@pytest.mark.parametrize("name", [module.CONTENTS_FILE, vectors_module.VECTORS_FILE])
def test_a_damaged_index_is_built_again_and_said(opened, tree, encoder, tmp_path, name):
    opened(encoder).update([tree])
    path = tmp_path / "index" / name
    content = path.read_bytes()
    for damaged in (content[:100], b"", content[:-1] + bytes([content[-1] ^ 1])):
        path.write_bytes(damaged)
        opened.said.clear()
        index = opened(encoder)
        index.update([tree])
        [line] = opened.said
        assert name in line
        assert found(index.search("fetch"))[0] == DOWNLOAD
        assert path.read_bytes()[-32:] == content[-32:]


def test_an_index_that_cannot_be_written_searches_anyway(opened, tree, encoder, tmp_path):
    (tmp_path / "index").write_text("a file")
    index = opened(encoder)
    assert index.update([tree]).embedded > 0
    [line] = opened.said
    assert "not kept for later searches" in line
    assert found(index.search("fetch"))[0] == DOWNLOAD
    assert (tmp_path / "index").read_text() == "a file"


def test_an_update_waits_for_another_process_and_uses_its_work(opened, tree, encoder, tmp_path):
    from filelock import FileLock

    waiting = threading.Event()
    index = opened(encoder)
    results = []

    def update():
        results.append(index.update([tree], report=lambda what, *_: waiting.set()))

    (tmp_path / "index").mkdir()
    with FileLock(tmp_path / "index" / module.LOCK_FILE):
        thread = threading.Thread(target=update)
        thread.start()
        assert waiting.wait(60)
        other = opened(encoder)
        other._locked = lambda report: _nothing()  # it holds the lock
        other.update([tree])
        n = len(encoder.embedded)
    thread.join()
    assert results[0].kept == 3
    assert len(encoder.embedded) == n


class _nothing:
    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


def test_results_are_those_of_the_roots_and_patterns(opened, tree, write):
    write(tree / "src" / "more.py", "def read_more(configuration): pass\n")
    index = opened()
    index.update([tree])
    assert {name for name, *_ in found(index.search("read configuration", 99))} > {"code.py"}
    inside = index.search("read configuration", roots=[tree / "src"])
    assert found(inside) == [("more.py", 1, "read_more")]
    matching = index.search("read configuration", roots=[tree], include=["/*.py"])
    assert {name for name, *_ in found(matching)} == {"code.py"}


def test_a_definition_comes_before_its_test(opened, tree):
    index = opened()
    index.update([tree])
    query = "read_configuration configuration_path"
    hits = index.search(query)
    assert found(hits)[0] == READ
    assert found(hits)[1][0] == "test_code.py"
    assert hits[0].lexical < hits[1].lexical


def test_a_test_has_a_lower_score_unless_the_query_is_about_tests(opened, tree):
    index = opened()
    index.update([tree])

    def differences(query):
        hits = index.search(query, 99)
        return {hit.lexical - hit.score for hit in hits if hit.is_test}

    [difference] = differences("configuration")
    assert difference > 0
    assert differences("tests of the configuration") == {0}


def test_equal_scores_have_the_order_of_paths(opened, tree, write):
    for name in ("c.txt", "a.txt", "b.txt"):
        write(tree / "same" / name, "zebra")
    index = opened()
    index.update([tree])
    hits = index.search("zebra")
    assert [name for name, *_ in found(hits)] == ["a.txt", "b.txt", "c.txt"]
    assert found(index.search("zebra", 2)) == found(hits)[:2]


def test_pieces_are_divided_until_the_model_reads_them_to_their_end(opened, tree, encoder):
    encoder.max_tokens = 30
    index = opened(encoder)
    index.update([tree])
    assert max(map(len, index.contents.texts)) <= 30
    assert "".join(index.contents.texts).count("Read the configuration") == 1
    assert opened(encoder).update([tree]).kept == 3


def test_impossible_arguments_are_refused(opened, tree, encoder):
    index = opened()
    index.update([tree])
    for arguments, reason in (
        ({"mode": "hybird"}, "did you mean 'hybrid'"),
        ({"mode": "semantic"}, "needs an encoder"),
        ({"n": 0}, "n=0"),
        ({"text": " \n"}, "the query is empty"),
    ):
        with pytest.raises(UserError, match=reason):
            index.search(**{"text": "a", **arguments})
    with pytest.raises(UserError, match="does not exist"):
        index.update([tree / "absent"])
    encoder.encode_query = lambda texts: np.full((1, 64), np.inf)
    with pytest.raises(UserError, match="NaN or infinity"):
        opened(encoder).search("a")


def test_an_empty_index_has_no_results(opened, encoder, tmp_path):
    (tmp_path / "empty").mkdir()
    for each in (None, encoder):
        index = opened(each)
        assert index.update([tmp_path / "empty"]).added == 0
        assert index.search("a") == []
    assert not (tmp_path / "index").exists()


def test_problems_are_warnings_by_default(tree, encoder, tmp_path):
    (tmp_path / "index").write_text("a file")
    with pytest.warns(UserWarning, match="not kept"):
        Index.open(tmp_path / "index", encoder).update([tree])
