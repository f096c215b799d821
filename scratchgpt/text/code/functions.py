"""The functions of Python files, read from the source without importing it."""

import ast
import inspect
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from scratchgpt.errors import UserError
from scratchgpt.utf8 import read_text

# The errors of ast.parse: invalid source, null bytes, and expressions that are nested too deeply.
_INVALID = (SyntaxError, ValueError, RecursionError, MemoryError)

Definition = ast.FunctionDef | ast.AsyncFunctionDef


class Function(NamedTuple):
    """A function or method.

    Attributes
    ----------
    path : str
        The file, relative to the folder that was searched, with ``/`` as separator.
    name : str
    docstring : str
        The first paragraph of the docstring on one line; "" if there is none.
    code : str
        The source without the docstring and without indentation; decorators are kept.
    first_line, last_line : int
        The lines in the file, counted from 1; decorators are included.
    source : str
        The source with the docstring.
    is_nested : bool
        Whether the function is inside another function, whose source contains it.
    """

    path: str
    name: str
    docstring: str
    code: str
    first_line: int
    last_line: int
    source: str
    is_nested: bool


class Module(NamedTuple):
    """A parsed file."""

    path: str
    lines: list[str]
    tree: ast.Module


def parse_module(text: str, path: str) -> Module | None:
    """Parse the source of a module; return None if this Python cannot."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        with warnings.catch_warnings():  # about invalid escapes in the source files
            warnings.simplefilter("ignore")
            return Module(path, text.split("\n"), ast.parse(text))
    except _INVALID:
        return None


def read_modules(files: Iterable[tuple[Path, str]]) -> Iterator[Module | None]:
    """Parse files.

    Parameters
    ----------
    files : iterable of (Path, str)
        Each file, and the path that the results have.

    Yields
    ------
    Module or None
        None if the file cannot be read, is not UTF-8, or is not valid in this version of Python.
    """
    for file, path in files:
        try:
            text = read_text(file)
        except (OSError, UserError):
            yield None
        else:
            yield parse_module(text, path)


def functions_of(module: Module) -> list[Function]:
    """Return all functions and methods of a module, in the order of the source."""
    return [
        _function(node, module, is_nested)
        for node, is_nested in definitions(module.tree)
        if not isinstance(node, ast.ClassDef)
    ]


def definitions(tree: ast.Module) -> Iterator[tuple[Definition | ast.ClassDef, bool]]:
    """Yield each function and class, and whether it is inside a function, in source order."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in reversed(tree.body)]
    while waiting:
        node, is_nested = waiting.pop()
        if isinstance(node, Definition | ast.ClassDef):
            yield node, is_nested
        inside = is_nested or isinstance(node, Definition)
        children: list[ast.AST] = []
        for field in ("body", "handlers", "cases", "orelse", "finalbody"):
            value = getattr(node, field, None)
            if isinstance(value, list):  # the body of a lambda is an expression
                children += value
        waiting += [(child, inside) for child in reversed(children)]


def first_paragraph(docstring: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    paragraph: list[str] = []
    text = (docstring or "").encode("utf-8", "replace").decode()  # an escape may be half a pair
    for line in inspect.cleandoc(text).split("\n"):
        if not line.strip():
            break
        paragraph += line.split()
    return " ".join(paragraph)


def source_of(node: Definition | ast.ClassDef, lines: list[str]) -> tuple[str, str, int]:
    """Return the source of a definition, the same without its docstring, and the first line."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    last = node.end_lineno or node.lineno
    whole = lines[first - 1 : last]
    source = _dedented(whole, node.col_offset)
    body = node.body[0]
    if ast.get_docstring(node, clean=False) is None or body.end_lineno is None:
        return source, source, first
    begin, end = body.lineno - first, body.end_lineno - first
    before = _columns(whole[begin], 0, body.col_offset)
    after = _columns(whole[end], body.end_col_offset or 0, None)
    # Something else may be on the lines of the docstring.
    rest = [f"{before}...{after}"] if before.strip() or after.strip() else []
    return source, _dedented(whole[:begin] + rest + whole[end + 1 :], node.col_offset), first


def _function(node: Definition, module: Module, is_nested: bool) -> Function:
    source, code, first = source_of(node, module.lines)
    return Function(
        path=module.path,
        name=node.name,
        docstring=first_paragraph(ast.get_docstring(node, clean=False)),
        code=code,
        first_line=first,
        last_line=node.end_lineno or node.lineno,
        source=source,
        is_nested=is_nested,
    )


def _columns(line: str, start: int, stop: int | None) -> str:
    """Return the part of a line between two columns of ast, which count bytes."""
    return line.encode()[start:stop].decode()


def _dedented(lines: list[str], indent: int) -> str:
    """Join lines without the indentation of the first, and without spaces at their ends."""
    margin = lines[0][:indent]
    dedented = (line[indent:] if line.startswith(margin) else line for line in lines)
    return "\n".join(line.rstrip() for line in dedented).strip("\n")
