"""Files and pieces of an index: saved, merged and removed."""

import numpy as np
import pytest

from scratchgpt.embeddings.index import contents as module
from scratchgpt.embeddings.index.contents import Contents, FileEntry, merged, only_files
from scratchgpt.embeddings.pieces.piece import Piece
from scratchgpt.errors import UserError
from scratchgpt.evaluation.bm25 import BM25


def entry(path, n_pieces):
    return FileEntry(path, 7, -3, 10**18, bytes(range(32)), 99, 0, n_pieces)


def files(*paths):
    """Each file with as many pieces as its name has letters."""
    return [
        (
            entry(f"/{path}", len(path)),
            [Piece(i, i, f"s{i}", f"{path!a} {i}") for i in range(len(path))],
        )
        for path in paths
    ]


def same(first: Contents, second: Contents) -> bool:
    queries = [["a"], ["2"], ["bb", "1", "s"]]
    scores = [[BM25(one.counts).scores(query) for query in queries] for one in (first, second)]
    return (
        first.files == second.files
        and (first.spans == second.spans).all()
        and first.symbols == second.symbols
        and first.texts == second.texts
        and first.keys == second.keys
        and np.allclose(*scores, rtol=1e-14)
    )


@pytest.mark.parametrize("paths", [(), ("a", "bb"), ("a", "b\udcff", "ccc")])
def test_contents_are_read_as_they_were_written(tmp_path, paths):
    contents = Contents.of(files(*paths))
    contents.save(tmp_path / "file")
    assert same(Contents.read(tmp_path / "file"), contents)


def test_merged_contents_are_those_of_all_files_by_path():
    one, other = Contents.of(files("bb", "dd")), Contents.of(files("a", "ccc"))
    assert same(merged(one, other), Contents.of(files("a", "bb", "ccc", "dd")))
    assert same(merged(Contents.empty(), one), one)


def test_files_are_removed_with_their_pieces():
    contents = Contents.of(files("a", "bb", "ccc"))
    assert same(only_files(contents, [True, False, True]), Contents.of(files("a", "ccc")))
    assert same(only_files(contents, [False] * 3), Contents.empty())


def test_equal_texts_have_equal_keys():
    contents = Contents.of(files("a", "a"))
    assert contents.keys[0] == contents.keys[1]


def test_words_of_symbols_and_paths_count():
    pieces = [Piece(1, 1, "Client.send", "x = 1"), Piece(2, 2, "", "x = 1")]
    contents = Contents.of([(entry("/home/project/network/socket.py", 2), pieces)])
    scores = BM25(contents.counts).scores
    assert scores(["send"])[0] > scores(["send"])[1] == 0
    assert (scores(["socket"]) > 0).all()
    assert (scores(["hom"]) == 0).all()


def test_contents_of_another_version_are_refused(tmp_path, monkeypatch):
    Contents.empty().save(tmp_path / "file")
    monkeypatch.setattr(module, "FORMAT", "0.0")
    with pytest.raises(UserError, match="another version"):
        Contents.read(tmp_path / "file")
