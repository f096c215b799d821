"""Fixtures of the text suites: a cache of their own, no data folder, small shards."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache; nothing outside the test's own folder is read or written."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SCRATCHGPT_CACHE", str(folder))
    monkeypatch.delenv("SCRATCHGPT_DATA", raising=False)
    return folder


@pytest.fixture
def write(tmp_path):
    """``write("name.txt", "text")`` writes a file, bytes as they are, and gives its path."""

    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write
