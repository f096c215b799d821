"""``scratchgpt cache``: what it shows is there, and what it clears is gone."""

import io
import json
import sys

import pytest

PARTS = ("kernels", "corpora", "downloads", "texts", "indexes")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """A cache in which each part is a hundred bytes, but texts are twice that."""
    folder = tmp_path / "cache"
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(folder))
    for part in (
        "kernels/a",
        "corpora/b",
        "downloads",
        "generated",
        "spool",
        "indexes/c",
        "models/d",
    ):
        (folder / part).mkdir(parents=True)
        (folder / part / "file").write_bytes(bytes(100))
    return folder


def test_all_parts_have_sizes(scratchgpt, cache):
    shown = json.loads(scratchgpt("cache", "show", "--json").stdout)
    assert {part: shown[part]["bytes"] for part in shown} == {
        "kernels": 100,
        "corpora": 100,
        "downloads": 100,
        "texts": 200,
        "indexes": 100,
        "models": 100,
    }
    text = scratchgpt("cache", "show").stdout
    for part in PARTS:
        assert part in text
        for folder in shown[part]["folders"]:
            assert folder in text
    assert "total          700 B" in text


@pytest.mark.parametrize("parts", [("kernels",), ("corpora", "texts"), ("all",)], ids=str)
def test_only_the_named_parts_are_removed(scratchgpt, cache, parts):
    outcome = scratchgpt("cache", "clear", *parts)
    assert outcome.status == 0
    left = json.loads(scratchgpt("cache", "show", "--json").stdout)
    for part in PARTS:
        removed = part in parts or "all" in parts
        assert (left[part]["bytes"] == 0) == removed
        assert any(map(str.strip, outcome.stdout.splitlines()))
    assert len(outcome.stdout.splitlines()) == (5 if parts == ("all",) else len(parts))


def test_the_model_is_only_removed_by_name(scratchgpt, cache):
    for parts, n_bytes in ((["all"], 100), (["all", "models"], 0)):
        scratchgpt("cache", "clear", *parts)
        left = json.loads(scratchgpt("cache", "show", "--json").stdout)
        assert sum(part["bytes"] for part in left.values()) == n_bytes


def test_an_empty_cache_can_be_cleared(scratchgpt, cache):
    for _ in range(2):
        outcome = scratchgpt("cache", "clear", "all")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert "removed 0 B of compiled kernels" in outcome.stdout


def test_a_folder_that_other_programs_may_use_is_not_removed(refused, cache, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache / "kernels"))
    assert "NUMBA_CACHE_DIR" in refused("cache", "clear", "all")
    assert (cache / "corpora" / "b" / "file").exists()


def test_a_part_must_be_named(refused, cache):
    assert "--help" in refused("cache", "clear")
    assert "'kernels'" in refused("cache", "clear", "kernel")


def test_a_terminal_without_the_characters_of_a_path_gets_question_marks(monkeypatch, tmp_path):
    from scratchgpt.cli.main import run

    content = io.BytesIO()
    monkeypatch.setenv("SCRATCHGPT_CACHE", str(tmp_path / "日本"))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["scratchgpt", "cache", "show"])
    with pytest.raises(SystemExit):
        run()
    sys.stdout.flush()
    assert f"{tmp_path}/??/corpora".encode() in content.getvalue()
