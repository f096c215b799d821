"""Kill a preparation before each change of a file, and resume it; run by test_prepare.py.

python killed_preparation.py FOLDER TOKENIZER_FILE TEXT_FILE...

Prints the number of changes, and the maximum number of shards that were not written again. This is
a separate process because a process with threads should not be forked.
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
os.fsync = lambda file: None  # SIGKILL is not a power failure, and fsync takes most of the time


def die_before_change(n):
    """Kill this process before it renames or removes a file for the n-th time."""
    counter = itertools.count()

    def deadly(function):
        def change(path, *others, **options):
            if os.path.exists(path) and next(counter) == n:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(path, *others, **options)

        return change

    os.replace = deadly(os.replace)
    os.unlink = deadly(os.unlink)  # pathlib calls it


def in_a_child(work):
    """Run ``work`` in a forked process, and return whether it finished."""
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
    """Read the files of a prepared corpus, without the progress file, which may remain or not."""
    names = ("manifest.json", "tokenizer.json", "shard-*.bin")
    return {path.name: path.read_bytes() for name in names for path in folder.glob(name)}


def completed_shards(folder, key):
    """Return the shards that the progress file lists, with inodes that reveal a rewritten shard."""
    notes = folder / "preparation.json"
    state = json.loads(notes.read_text()) if notes.exists() else {"key": None}
    shards = sorted(folder.glob("shard-*.bin"))[: len(state.get("lengths", []))]
    return {path: path.stat().st_ino for path in shards if state["key"] == key}


def check_not_half_written(folder):
    """Check that a folder with a manifest is a complete prepared corpus."""
    if (folder / "manifest.json").exists():
        open_prepared(folder)


def check_every_moment(folder, words, tokenizer):
    """Kill before each change in turn and resume: (number of changes, most shards kept)."""
    whole = prepare(words, tokenizer, directory=folder / "whole")
    expected = files(whole.directory)
    assert len(expected) >= 5
    n = most_kept = 0
    finished = False
    while not finished:
        directory = folder / f"killed-{n}"
        # An older corpus in the folder must be replaced or remain unchanged.
        prepare(words[:1], "bytes", directory=directory)

        def work(n=n, directory=directory):
            die_before_change(n)
            prepare(words, tokenizer, directory=directory)

        finished = in_a_child(work)
        check_not_half_written(directory)
        kept = completed_shards(directory, whole.manifest.key)
        prepare(words, tokenizer, directory=directory)
        assert files(directory) == expected, f"after being killed before change {n}"
        assert all(path.stat().st_ino == inode for path, inode in kept.items())
        most_kept = max(most_kept, len(kept))
        n += 1
    return n, most_kept


def check_repeated_kills(folder, words, tokenizer):
    """Kill each run before its sixth change until a run finishes."""

    def work():
        die_before_change(5)
        prepare(words, tokenizer, directory=folder / "again")

    for _ in range(100):
        if in_a_child(work):
            break
    assert files(folder / "again") == files(folder / "whole")


if __name__ == "__main__":
    folder, letters, *words = sys.argv[1:]
    outcome = check_every_moment(Path(folder) / "trained", words, "characters")
    check_every_moment(Path(folder) / "given", words, letters)
    check_repeated_kills(Path(folder) / "given", words, letters)
    print(*outcome)
