"""Preparations that die at every moment at which they change a file; run by test_prepare.py.

python killed_preparation.py FOLDER TOKENIZER_FILE TEXT_FILE...

Prints the number of moments, and the most shards that did not have to be written again. It is a
process of its own because one with threads should not be forked.
"""

import itertools
import json
import os
import signal
import sys
from pathlib import Path

from scratchgpt.text import open_prepared, prepare
from scratchgpt.text import prepare as prepare_function
from scratchgpt.text.corpora import documents

module = sys.modules[prepare_function.__module__]
module.SHARD_TOKENS = 100
documents.BLOCK = 37
os.fsync = lambda file: None  # SIGKILL is no power cut, and this takes most of the time


def die_before_change(n):
    """Have this process killed before it renames or removes a file for the n-th time."""
    counter = itertools.count()

    def deadly(function):
        def change(path, *others, **options):
            if os.path.exists(path) and next(counter) == n:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(path, *others, **options)

        return change

    os.replace = deadly(os.replace)
    os.unlink = deadly(os.unlink)  # pathlib's calls it


def in_a_child(work):
    """Whether ``work`` came to its end in a forked process."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def files(folder):
    """What makes up a prepared corpus; the notes of the preparation may be left or not."""
    names = ("manifest.json", "tokenizer.json", "shard-*.bin")
    return {path.name: path.read_bytes() for name in names for path in folder.glob(name)}


def noted_shards(folder, key):
    """The shards that an interrupted preparation noted as done, with what tells a rewritten one."""
    notes = folder / "preparation.json"
    state = json.loads(notes.read_text()) if notes.exists() else {"key": None}
    shards = sorted(folder.glob("shard-*.bin"))[: len(state.get("lengths", []))]
    return {path: path.stat().st_ino for path in shards if state["key"] == key}


def check_nothing_is_half_there(folder):
    """What is in the folder is a prepared corpus, or does not claim to be one."""
    if (folder / "manifest.json").exists():
        open_prepared(folder)


def check_every_moment(folder, words, tokenizer):
    """Die before each change in turn and go on once: (moments, most shards that were kept)."""
    whole = prepare(words, tokenizer, directory=folder / "whole")
    expected = files(whole.directory)
    assert len(expected) >= 5
    n = most_kept = 0
    finished = False
    while not finished:
        directory = folder / f"killed-{n}"
        # An older corpus is in the folder: it must give way, or stay as it was.
        prepare(words[:1], "bytes", directory=directory)

        def work(n=n, directory=directory):
            die_before_change(n)
            prepare(words, tokenizer, directory=directory)

        finished = in_a_child(work)
        check_nothing_is_half_there(directory)
        kept = noted_shards(directory, whole.manifest.key)
        prepare(words, tokenizer, directory=directory)
        assert files(directory) == expected, f"after dying before change {n}"
        assert all(path.stat().st_ino == inode for path, inode in kept.items())
        most_kept = max(most_kept, len(kept))
        n += 1
    return n, most_kept


def check_dying_again_and_again(folder, words, tokenizer):
    """Die before the sixth change, each time, until nothing is left to do."""

    def work():
        die_before_change(5)
        prepare(words, tokenizer, directory=folder / "again")

    for _ in range(100):
        if in_a_child(work):
            break
    assert files(folder / "again") == files(folder / "whole")


if __name__ == "__main__":
    folder, letters, *words = sys.argv[1:]
    outcome = check_every_moment(Path(folder) / "learnt", words, "characters")
    check_every_moment(Path(folder) / "given", words, letters)
    check_dying_again_and_again(Path(folder) / "given", words, letters)
    print(*outcome)
