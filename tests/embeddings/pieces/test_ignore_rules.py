"""The rules of .gitignore files, compared with those of git."""

import shutil
import subprocess

import pytest

from scratchgpt.embeddings.pieces.ignore_rules import is_ignored, read_rules

PATHS = [
    *("a.log", "b/a.log", "build/x", "b/build/x", "docs/x/y.txt", "docs/y.txt", "x/docs/y.txt"),
    *("keep.log", "#hash", "!bang", "space ", "a.txt", "b.txt", "d1/d2/d3/f", "star*", "starry"),
    *("q[x]", "q!", "e/f/g", "f/g", "foo.pyc", "foo.pyo", "back\\slash"),
]
RULES = """\
*.log
!keep.log
build/
/docs/*.txt
\\#hash
# a comment
\\!bang
space\\ \x20\x20
[!b].txt
d1/**/f
star\\*
q\\[x]
**/f/g

*.py[co]
"""
CASES = [
    *("*.log", "/a.log", "b/", "b/*", "b/**", "**", "*", "/*", "**/x", "docs/**/y.txt", "d1/*/f"),
    *("d?", "a.???", "[a-c].txt", "docs", "docs/", "!a.log", "*\n!b/", "*\n!*.txt", "x/docs/*"),
    *("d1/d2\n!d1/d2/d3", "b*\n!b.txt", "f/g", "/f/g", "**/", "/", "", "f/**/g", "\\a.log"),
]


def ours(rules_text):
    """The files that are ignored, when ignored folders are not entered."""
    rules = [(0, rule) for rule in read_rules(rules_text)]

    def excluded(path):
        names = path.split("/")
        ends = range(1, len(names) + 1)
        return any(is_ignored(rules, names[:end], end < len(names)) for end in ends)

    return {path for path in PATHS if excluded(path)}


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_rules_mean_what_they_mean_to_git(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    for text in (RULES, *CASES):
        (tmp_path / ".gitignore").write_text(text)
        command = ["git", "-C", tmp_path, "ls-files", "-z", "--others", "--exclude-per-directory"]
        listed = subprocess.run([*command, ".gitignore"], capture_output=True, check=True).stdout
        kept = set(listed.decode().split("\0"))
        assert ours(text) == set(PATHS) - kept, text


def test_a_rule_is_relative_to_its_folder():
    [anchored], [anywhere] = read_rules("/a"), read_rules("a")
    assert is_ignored([(1, anchored)], ["b", "a"], False)
    assert not is_ignored([(1, anchored)], ["b", "c", "a"], False)
    assert is_ignored([(1, anywhere)], ["b", "c", "a"], False)


def test_windows_files_are_read():
    assert [rule.only_folders for rule in read_rules("\ufeffbuild/\r\n*.log\r\n")] == [True, False]


def test_many_stars_are_matched_in_linear_time():
    [rule] = read_rules("*a" * 40 + "/**/" + "**/x/" * 40 + "b")
    assert not rule.matches(["a" * 200 + "c", *["x"] * 200], False)
