import json
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import prepare
from scratchgpt.text.corpora.prepared import PROGRESS_FILE
from scratchgpt.text.corpora.state import State, load_state

module = sys.modules[prepare.__module__]
TEXT = "one two three four five six seven\n" * 3


@pytest.fixture
def interrupted(write, tmp_path, monkeypatch):
    """The words and the folder of a preparation that ended before its manifest."""
    monkeypatch.setattr(module, "SHARD_TOKENS", 10)
    words, directory = [write("a.txt", TEXT)], tmp_path / "prepared"
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_manifest", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare(words, "bytes", directory=directory)
    return words, directory


def test_a_state_is_loaded_as_it_was_saved(tmp_path):
    state = State("key", "abc", document=1, piece=2, token=3)
    state.save(tmp_path)
    loaded = load_state(tmp_path, "key")
    assert (loaded.tokenizer, loaded.document, loaded.piece, loaded.token) == ("abc", 1, 2, 3)
    assert load_state(tmp_path, "another key") == State("another key")
    assert load_state(tmp_path / "gone", "key") == State("key")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("document", 1), ("document", -1), ("piece", 3), ("token", 10**12), ("token", "1")),
        *(("lengths", []), ("lengths", [10]), ("lengths", None), ("sha256", [])),
        *(("tokenizer", None), ("tokenizer", {}), ("checksum", ""), ("unknown", 1)),
    ],
)
def test_a_damaged_state_is_not_resumed(interrupted, name, value):
    words, directory = interrupted
    path = directory / PROGRESS_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    check_whole(prepare(words, "bytes", directory=directory))


@pytest.mark.parametrize("content", ["", "{}", "[" * 10**5, '"a"', "NaN"])
def test_a_file_that_is_not_a_state_is_not_resumed(interrupted, content):
    words, directory = interrupted
    (directory / PROGRESS_FILE).write_text(content)
    check_whole(prepare(words, "bytes", directory=directory))


@pytest.mark.parametrize("content", [None, b"", b"x" * 10, b"x" * 99])
def test_shards_that_changed_since_the_interruption_are_written_again(interrupted, content):
    words, directory = interrupted
    path = directory / "shard-00001.bin"
    path.unlink() if content is None else path.write_bytes(content)
    check_whole(prepare(words, "bytes", directory=directory))


def test_a_folder_at_the_name_of_a_shard_is_refused(interrupted):
    words, directory = interrupted
    (directory / "shard-00001.bin").unlink()
    (directory / "shard-00001.bin").mkdir()
    with pytest.raises(UserError, match=r"cannot write .*prepared: .*; choose another folder"):
        prepare(words, "bytes", directory=directory)


def check_whole(corpus):
    assert not Path(corpus.directory, PROGRESS_FILE).exists()
    np.testing.assert_array_equal(corpus.tokens.read(0, len(TEXT)), list(TEXT.encode()))
    assert len(corpus.tokens) == len(TEXT)
