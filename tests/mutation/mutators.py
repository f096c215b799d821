"""Mutants: each is one edit of one place in one file.

The edits are found in the syntax tree and made in the text, so a mutant differs from the original
in nothing else and can be read as a change of one line.
"""

import ast
from typing import NamedTuple

from finder import Finder


class Mutant(NamedTuple):
    """One edit; ``original`` and ``mutant`` are the lines it touches, before and after."""

    file: str
    line: int
    function: str  # qualified: GPT.backward
    rule: str
    original: str
    mutant: str
    source: str  # the whole mutated file

    @property
    def backward(self) -> bool:
        return "backward" in self.function

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.original}  ->  {self.mutant}"


def mutants(file: str, source: str, required: dict[str, set[str]] | None = None) -> list[Mutant]:
    """All mutants of a source file, in the order of its lines, no two alike.

    Parameters
    ----------
    file : str
        Its name in the report.
    source : str
    required : dict of str to set of str, optional
        For each function, the arguments that have no default; without them a call is no error in
        the mathematics but a TypeError, so such keywords are not dropped.
    """
    finder = Finder(source, required or {})
    finder.visit(finder.tree)
    seen, found = {ast.dump(finder.tree)}, []
    for function, (start, end, text, rule) in finder.edits:
        changed = (finder.raw[:start] + text.encode() + finder.raw[end:]).decode()
        try:
            meaning = ast.dump(ast.parse(changed))
        except SyntaxError:
            continue
        if meaning in seen:
            continue
        seen.add(meaning)
        first = finder.raw.rfind(b"\n", 0, start) + 1
        last = finder.raw.find(b"\n", end)
        line = finder.raw[:start].count(b"\n") + 1
        before = finder.raw[first:last].decode()
        after = (finder.raw[first:start] + text.encode() + finder.raw[end:last]).decode()
        found.append(Mutant(file, line, function, rule, _flat(before), _flat(after), changed))
    return sorted(found, key=lambda mutant: mutant.line)


def required_arguments(sources: list[str]) -> dict[str, set[str]]:
    """For each function (and class, by its __init__) the arguments that have no default."""
    required: dict[str, set[str]] = {}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                required.setdefault(node.name, set()).update(_without_default(node))
            elif isinstance(node, ast.ClassDef):
                for child in node.body:
                    if isinstance(child, ast.FunctionDef) and child.name == "__init__":
                        required.setdefault(node.name, set()).update(_without_default(child))
    return required


def _without_default(function: ast.FunctionDef) -> set[str]:
    a = function.args
    positional = [*a.posonlyargs, *a.args]
    names = {arg.arg for arg in positional[: len(positional) - len(a.defaults)]}
    return names | {
        arg.arg for arg, default in zip(a.kwonlyargs, a.kw_defaults, strict=True) if default is None
    }


def _flat(lines: str) -> str:
    return " ".join(line.split("  #")[0].strip() for line in lines.splitlines())
