"""A corpus that every Python installation carries: the documentation of Python itself."""

import ast
import inspect
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

# Packages of the standard library whose docstrings are few or tell nothing, and whose files many.
_LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "encodings", "__pycache__"}
# What was installed beside it.
_NOT_STANDARD = {"site-packages", "dist-packages"}


def write_python_docs(path: Path) -> None:
    """Write the language reference and the docstrings of the standard library to a file.

    The reference is that of ``pydoc_data.topics`` (what ``help("for")`` shows). Docstrings are
    read from the source files, in the order of their names and without importing them, so the
    text is the same each time on one installation.
    """
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for text in _texts():
            file.write(text.strip() + "\n\n\n")


def _texts() -> Iterator[str]:
    from pydoc_data.topics import topics

    for name in sorted(topics):
        yield inspect.cleandoc(topics[name])
    library = Path(sysconfig.get_path("stdlib"))
    for source in sorted(library.rglob("*.py")):
        parts = source.relative_to(library).parts
        if not (_LEFT_OUT | _NOT_STANDARD).intersection(parts):
            yield from _docstrings(source)


def _docstrings(source: Path) -> Iterator[str]:
    """The docstrings of one module, each below the name of what it belongs to."""
    try:
        with warnings.catch_warnings():  # about escapes in other people's strings
            warnings.simplefilter("ignore")
            tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # a file that this Python cannot read has nothing to say
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring and len(docstring) >= 80:  # shorter ones are headings without a text
                yield f"{_heading(node, source)}\n\n{docstring}"


def _heading(node: ast.AST, source: Path) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return f"{node.name}({ast.unparse(node.args)})"
    return f"module {source.parent.name if source.stem == '__init__' else source.stem}"
