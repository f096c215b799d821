import sys
import textwrap
from pathlib import Path

import pytest

from scratchgpt.text.code import sources
from scratchgpt.text.corpora import python_docs

MODULE = '''"""The docstring of a module, with a long description of its content and its purpose."""

def greet(name, *, loudly=False):
    """Say hello to somebody by name; loudly if ``loudly`` is true, and otherwise in a normal voice.

        Indented.

    Not indented.
    """

def short():
    """Say little."""

class Thing:
    """A thing, described in a docstring that is longer than the minimum of eighty characters."""

raise SystemExit("importing this has a side effect")
'''


@pytest.fixture
def library(write, monkeypatch, tmp_path):
    """A small fake standard library."""
    write("lib/zoo.py", MODULE)
    write("lib/package/__init__.py", MODULE)
    write("lib/test/test_zoo.py", MODULE)
    write("lib/site-packages/installed.py", MODULE)
    write("lib/broken.py", "def (:")
    write("lib/latin.py", b'# coding: latin-1\n"""' + "é".encode("latin-1") * 90 + b'"""')
    monkeypatch.setattr(sources.sysconfig, "get_path", lambda name: str(tmp_path / "lib"))
    return tmp_path


def test_docstrings_follow_the_name_of_their_object(library):
    python_docs.write_python_docs(library / "out.txt")
    text = (library / "out.txt").read_text(encoding="utf-8")
    assert text.count("\nmodule zoo\n\nThe docstring of a module") == 1
    assert text.count("\nmodule package\n\nThe docstring of a module") == 1
    assert text.count("\ngreet(name, *, loudly=False)\n\nSay hello") == 2
    assert text.count("\n\n    Indented.\n") == 2
    assert text.count("\nclass Thing\n\nA thing") == 2
    assert "Say little" not in text
    assert "é" * 90 in text


def test_the_language_reference_comes_first(library):
    python_docs.write_python_docs(library / "out.txt")
    text = (library / "out.txt").read_text(encoding="utf-8")
    assert 0 <= text.index('The "assert" statement') < text.index("module package")
    assert len(text) > 100_000


def test_nothing_is_imported_and_the_text_is_deterministic(library):
    before = set(sys.modules)
    for name in ("one", "two"):
        python_docs.write_python_docs(library / name)
    assert set(sys.modules) - before <= {"pydoc_data", "pydoc_data.topics"}
    assert (library / "one").read_bytes() == (library / "two").read_bytes()


def test_docstrings_of_the_real_library_are_found():
    """Read one module only, because all modules take seconds."""
    texts = list(python_docs._docstrings(Path(textwrap.__file__)))
    assert any(text.startswith("dedent(text)\n\nRemove any common") for text in texts)
