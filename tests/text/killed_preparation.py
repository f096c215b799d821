"""Preparations that die at every moment at which they change a file; run by test_prepare.py.

python killed_preparation.py FOLDER TOKENIZER TEXT_FILE...

Prints the number of moments. A process of its own, as a process with threads should not be forked.
"""

import itertools
import os
import signal
import sys
from pathlib import Path

from scratchgpt.text import documents, prepare
from scratchgpt.text import prepare as prepare_function

module = sys.modules[prepare_function.__module__]
module.SHARD_TOKENS = 100
documents.BLOCK = 37


def die_before_change(n):
    """Have this process killed before it renames or removes a file for the n-th time."""
    counter = itertools.count()

    def deadly(function):
        def change(*arguments, **options):
            if next(counter) == n:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return change

    os.replace = deadly(os.replace)
    os.unlink = deadly(os.unlink)
    Path.unlink = deadly(Path.unlink)


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
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def main(folder, tokenizer, *words):
    whole = prepare(words, tokenizer, directory=folder / "whole")
    expected = files(folder / "whole")
    assert len(whole.manifest.lengths) >= 3

    for n in itertools.count():
        directory = folder / f"killed-{n}"
        # An older corpus is in the folder: it must give way, or stay as it was.
        prepare(words[:1], "bytes", directory=directory)

        def work(n=n, directory=directory):
            die_before_change(n)
            prepare(words, tokenizer, directory=directory)

        finished = in_a_child(work)
        written = {path: path.stat().st_ino for path in directory.glob("shard-*.bin")}
        prepare(words, tokenizer, directory=directory)
        assert files(directory) == expected, f"after dying before change {n}"
        kept = [path for path, inode in written.items() if path.exists()]
        rewritten = [path for path in kept if path.stat().st_ino != written[path]]
        yield finished, len(rewritten)
        if finished:
            break

    again = folder / "killed again and again"
    for _ in range(1000):

        def work():
            die_before_change(3)
            prepare(words, tokenizer, directory=again)

        if in_a_child(work):
            break
    assert files(again) == expected
    yield True, 0


if __name__ == "__main__":
    outcomes = list(main(Path(sys.argv[1]), *sys.argv[2:]))
    print(len(outcomes), max(n for _, n in outcomes))
