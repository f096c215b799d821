"""Which files a search considers."""

import os

import pytest

from scratchgpt.embeddings.index.selection import selected

NAMES = ["a.py", "docs/b.md", "src/c.py", "src/deep/d.md"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([], NAMES),
        (["*.py"], ["a.py", "src/c.py"]),
        (["/*.py"], ["a.py"]),
        (["docs/"], ["docs/b.md"]),
        (["src"], ["src/c.py", "src/deep/d.md"]),
        (["src/**/*.md", "a.*"], ["a.py", "src/deep/d.md"]),
        (["*.txt"], []),
    ],
)
def test_patterns_select_files(tmp_path, patterns, expected):
    paths = [os.path.join(os.path.realpath(tmp_path), *name.split("/")) for name in NAMES]
    found = selected(paths, [tmp_path], patterns)
    assert [name for name, is_in in zip(NAMES, found, strict=True) if is_in] == expected


def test_roots_select_files_below_them(tmp_path):
    top = os.path.realpath(tmp_path)
    paths = [os.path.join(top, name) for name in ("a.py", "src/c.py", "src2/d.py")]
    assert selected(paths, [tmp_path / "src"], []) == [False, True, False]
    assert selected(paths, [tmp_path / "src2" / "d.py"], ["*.py"]) == [False, False, True]
    assert selected(paths, None, ["*.py"]) == [True] * 3
