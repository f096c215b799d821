"""Fixtures for the text tests: an empty cache, no data folder, and files."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, so that tests read and write only their own folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SCRATCHGPT_CACHE", str(folder))
    monkeypatch.delenv("SCRATCHGPT_DATA", raising=False)
    return folder


@pytest.fixture
def write(tmp_path):
    """``write("name.txt", content)`` writes text or bytes to a file and returns its path."""

    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write
