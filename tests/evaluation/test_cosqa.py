import gzip
import hashlib
import json
from dataclasses import replace

import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation import RankingTask
from scratchgpt.evaluation.cosqa import COSQA_FILES, cosqa

QUESTIONS = {"dev": ["how to add", "how to sort"], "test": ["how to print"]}
CODES = {"def b(): pass": 1, "def c(): pass": 2, "def a(): pass": 0}
ANSWERS = {"how to add": 2, "how to sort": 0, "how to print": 1}


def content(name):
    if name.startswith("code"):
        return json.dumps(CODES).encode()
    questions = QUESTIONS[name.split("-")[2]]
    return json.dumps(
        [{"doc": text, "retrieval_idx": ANSWERS[text]} for text in questions]
    ).encode()


@pytest.fixture(params=["", ".gz"])
def small(request, monkeypatch, tmp_path):
    """Small files in place of those of CoSQA, in the data folder; returns the folder."""
    monkeypatch.setenv("SCRATCHGPT_DATA", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name, wanted in list(COSQA_FILES.items()):
        path = tmp_path / f"{wanted.file}{request.param}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content(name)) if request.param else content(name))
        checksum = hashlib.sha256(content(name)).hexdigest()
        url = f"http://127.0.0.1:1/{name}"
        monkeypatch.setitem(COSQA_FILES, name, replace(wanted, sha256=checksum, url=url))
    return tmp_path


def test_the_functions_are_in_the_order_of_their_numbers(small, tmp_path):
    documents = ["def a(): pass", "def b(): pass", "def c(): pass"]
    assert cosqa("test", tmp_path) == cosqa() == RankingTask(QUESTIONS["test"], documents, [{1}])
    assert cosqa("dev", tmp_path) == RankingTask(QUESTIONS["dev"], documents, [{2}, {0}])


def test_files_in_the_cache_are_read(small, tmp_path, monkeypatch):
    monkeypatch.delenv("SCRATCHGPT_DATA")
    for name, wanted in COSQA_FILES.items():
        path = tmp_path / "cache" / "downloads" / wanted.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))
    assert cosqa("test", tmp_path / "cache").queries == QUESTIONS["test"]


def test_a_file_with_another_content_is_refused(small, tmp_path):
    [path] = (tmp_path / "embed/cosqa").glob("code_idx_map*")
    path.write_bytes(gzip.compress(b"{}") if path.suffix == ".gz" else b"{}")
    with pytest.raises(UserError, match=r"is not code_idx_map\.txt of CoSQA: its checksum differs"):
        cosqa("test", tmp_path)


def test_the_error_without_files_and_network_says_where_to_put_them(small, tmp_path, monkeypatch):
    monkeypatch.delenv("SCRATCHGPT_DATA")
    with pytest.raises(
        UserError, match=r"put the file at embed/cosqa/code_idx_map\.txt in a folder"
    ) as caught:
        cosqa("test", tmp_path / "empty")
    assert "\n" not in str(caught.value)


def test_a_split_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="split='tests' must be dev or test; did you mean 'test'"):
        cosqa("tests")


def test_the_files_are_those_of_the_authors_at_a_fixed_commit():
    for name, wanted in COSQA_FILES.items():
        begin, commit, *end = wanted.url.removeprefix("https://").split("/")[2:]
        assert (begin, "/".join(end)) == ("CoCLR", f"data/search/{name}")
        assert len(bytes.fromhex(commit)) == 20
        assert len(bytes.fromhex(wanted.sha256)) == 32
