"""``scratchgpt search``: results for people and programs, with a model and without."""

import json
import os
import re
import subprocess
import sys

import pytest

CODE = '''\
def read_config(path):
    """Read a config file."""
    one = 1
    two = 2
    return open(path)


def other():
    pass
'''


@pytest.fixture
def tree(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "config.py").write_text(CODE)
    (folder / "notes.md").write_text("# Notes\n\nHow to bake bread.\n")
    monkeypatch.chdir(folder)
    return folder


def records(outcome):
    assert outcome.status == 0, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def test_without_a_model_words_are_searched_and_one_line_says_so(scratchgpt, tree):
    outcome = scratchgpt("search", "read a config file", ".")
    assert outcome.status == 0
    [line] = outcome.stderr.splitlines()
    assert "by words only" in line
    assert "--model RUN" in line
    first = outcome.stdout.split("\n\n")[0].splitlines()
    assert first == [
        f"{os.path.join('src', 'config.py')}:1: read_config",
        "    def read_config(path):",
        '        """Read a config file."""',
        "        one = 1",
        "        two = 2",
        "    ...",
    ]
    assert "\x1b" not in outcome.stdout


def test_the_folder_searched_is_not_written_to(scratchgpt, tree):
    before = sorted(tree.rglob("*"))
    scratchgpt("search", "config")
    assert sorted(tree.rglob("*")) == before


def test_json_has_one_object_per_result(scratchgpt, tree):
    [first, *_] = records(scratchgpt("search", "--json", "--lexical", "config file"))
    assert first["path"] == os.path.join("src", "config.py")
    assert (first["first_line"], first["last_line"], first["symbol"]) == (1, 5, "read_config")
    assert first["score"] == first["lexical"] > 0
    assert first["semantic"] is None
    assert first["text"].startswith("def read_config")


def test_results_are_limited_and_selected(scratchgpt, tree):
    query = ("search", "--json", "--lexical", "bread config notes other")
    assert len(records(scratchgpt(*query, "-n", 1))) == 1
    found = records(scratchgpt(*query, "--include", "*.md"))
    assert {one["path"] for one in found} == {"notes.md"}
    found = records(scratchgpt(*query, "src"))
    assert {one["path"] for one in found} == {os.path.join("src", "config.py")}
    outcome = scratchgpt("search", "--lexical", "--scores", "bread")
    assert re.match(r"notes.md:1: Notes  \(\d+\.\d{3}\)\n", outcome.stdout)


def test_paths_outside_the_working_directory_are_absolute(scratchgpt, tree, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    [first, *_] = records(scratchgpt("search", "--json", "--lexical", "bread", tree))
    assert first["path"] == os.path.realpath(tree / "notes.md")


def test_with_a_model_both_scores_count(scratchgpt, tree, encoder_folder):
    outcome = scratchgpt("search", "--json", "config", "--model", encoder_folder)
    assert "by words only" not in outcome.stderr
    found = records(outcome)
    assert all(isinstance(one["semantic"], float) for one in found)
    assert sum(one["score"] for one in found) == pytest.approx(0, abs=1e-6)
    alone = records(scratchgpt("search", "--json", "config", "-m", encoder_folder, "--semantic"))
    cosines = [one["score"] for one in alone]
    assert cosines == sorted(cosines, reverse=True)
    assert all(one["lexical"] is None for one in alone)


def test_later_searches_use_the_model_of_the_index(scratchgpt, tree, encoder_folder):
    scratchgpt("search", "config", "--model", encoder_folder)
    outcome = scratchgpt("search", "--json", "config")
    assert "by words only" not in outcome.stderr
    assert records(outcome)[0]["semantic"] is not None


def test_the_default_model_is_found_in_the_cache(scratchgpt, tree, encoder_folder, tmp_path):
    import shutil

    from scratchgpt.embeddings import default_model_folder

    shutil.copytree(encoder_folder, default_model_folder())
    assert records(scratchgpt("search", "--json", "config"))[0]["semantic"] is not None


def test_no_match_is_said_with_the_status_of_grep(scratchgpt, tree):
    outcome = scratchgpt("search", "--lexical", "xyzzy")
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr == "no match for 'xyzzy' in .\n"


def test_impossible_searches_are_refused(refused, tree, tmp_path, encoder_folder):
    (tmp_path / "empty").mkdir()
    assert "no text to search" in refused("search", "--lexical", "a", tmp_path / "empty")
    (tmp_path / "empty" / "a.bin").write_bytes(b"\0")
    assert "skipped: 1 binary file" in refused("search", "--lexical", "a", tmp_path / "empty")
    assert "does not exist" in refused("search", "--lexical", "a", tmp_path / "absent")
    assert "no file matches --include *.js" in refused(
        "search", "--lexical", "a", "--include", "*.js"
    )
    assert "the query is empty" in refused("search", "--lexical", " ")
    assert "leave out one" in refused("search", "--lexical", "--semantic", "a")
    assert "needs a model" in refused("search", "--semantic", "a")
    assert "absent" in refused("search", "a", "--model", tmp_path / "absent")


def test_a_query_longer_than_the_model_is_said(scratchgpt, tree, encoder_folder):
    with pytest.warns(UserWarning, match="texts longer than 48 tokens are cut, here 1 of 1"):
        outcome = scratchgpt("search", "config " * 99, "-m", encoder_folder)
    assert (outcome.status, outcome.stderr) == (0, "")


def test_a_search_by_words_loads_no_library_that_computes(tree, tmp_path):
    code = (
        "import sys; sys.argv = ['scratchgpt', 'search', '--lexical', 'config']\n"
        "from scratchgpt.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: print({'numba', 'scipy', 'tokenizers'} & set(sys.modules))"
    )
    environment = {**os.environ, "SCRATCHGPT_CACHE": str(tmp_path / "cache")}
    for _ in range(2):  # the index is created, and then read
        command = [sys.executable, "-c", code]
        outcome = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert outcome.stdout.splitlines()[-1] == "set()", outcome.stderr
