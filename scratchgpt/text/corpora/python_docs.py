"""A corpus from the Python installation: the documentation of Python and its standard library."""

import ast
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.text.code.sources import library_files


def write_python_docs(path: Path) -> None:
    """Write the language reference and the docstrings of the standard library to a file.

    The reference comes from ``pydoc_data.topics``, the text that ``help("for")`` shows. Docstrings
    are read from the source files, in the order of the file names and without importing them, so
    the text is deterministic for an installation.
    """
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for text in _texts():
            file.write(text.strip() + "\n\n\n")


def _texts() -> Iterator[str]:
    from pydoc_data.topics import topics

    for name in sorted(topics):
        yield inspect.cleandoc(topics[name])
    for source, _ in library_files():
        yield from _docstrings(source)


def _docstrings(source: Path) -> Iterator[str]:
    """Yield the docstrings of one module, each after the name of its object."""
    try:
        with warnings.catch_warnings():  # about invalid escapes in the source files
            warnings.simplefilter("ignore")
            tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # skip files that this Python cannot parse
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring and len(docstring) >= 80:  # shorter docstrings are just headings
                yield f"{_heading(node, source)}\n\n{docstring}"


def _heading(node: ast.AST, source: Path) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return f"{node.name}({ast.unparse(node.args)})"
    return f"module {source.parent.name if source.stem == '__init__' else source.stem}"
