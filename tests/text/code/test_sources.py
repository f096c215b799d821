from pathlib import Path

import pytest

from scratchgpt.text.code import sources
from scratchgpt.text.code.sources import library_files, package_files, path_rank


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """The folders of an installation in place of the real ones."""
    places = {"stdlib": "lib", "purelib": "lib/site-packages", "platlib": "lib/site-packages"}
    monkeypatch.setattr(sources.sysconfig, "get_path", lambda name: str(tmp_path / places[name]))


def names(files):
    return [name for _, name in files]


def test_the_library_is_sorted_and_has_neither_tests_nor_packages(folders, write):
    for name in ("z.py", "a.py", "json/decoder.py", "a.txt"):
        write(f"lib/{name}", "x = 1")
    for name in ("test/test_a.py", "json/tests/b.py", "idlelib/a.py", "site-packages/b.py"):
        write(f"lib/{name}", "x = 1")
    found = library_files()
    assert names(found) == ["a.py", "json/decoder.py", "z.py"]
    assert all(path.read_text(encoding="utf-8") == "x = 1" for path, _ in found)


def test_packages_are_read_once_without_scratchgpt_and_tests(folders, write):
    for name in ("one/a.py", "one/tests/test_a.py", "scratchgpt/b.py", "two.py"):
        write(f"lib/site-packages/{name}", "x = 1")
    found, n_left_out = package_files()
    assert names(found) == ["site-packages/one/a.py", "site-packages/two.py"]
    assert n_left_out == 0


def test_the_files_with_the_fewest_docstrings_per_byte_are_left_out(folders, write):
    text = '"""Doc."""\n'  # 11 bytes
    for name, n_docstrings in (("a", 0), ("b", 2), ("c", 1), ("d", 3)):
        code = "#" * (100 - len(text) * n_docstrings)
        write(f"lib/site-packages/{name}.py", text * n_docstrings + code)
    for most_bytes, kept in ((400, "abcd"), (399, "bcd"), (200, "bd"), (199, "d"), (99, "")):
        found, n_left_out = package_files(most_bytes)
        assert names(found) == [f"site-packages/{name}.py" for name in kept]
        assert n_left_out == 4 - len(kept)


def test_the_order_of_paths_is_random_but_fixed():
    order = sorted("abcdefgh", key=path_rank)
    assert "".join(order) == "dfcbehag"


def test_the_real_library_is_found():
    found = {name: path for path, name in library_files()}
    assert {"textwrap.py", "json/decoder.py"} <= set(found)
    assert Path(found["textwrap.py"]).is_file()
