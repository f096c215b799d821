"""Questions about a syntax tree."""

import ast
from collections.abc import Iterator


def code_within(node: ast.AST) -> Iterator[ast.AST]:
    """The children of a node that are code: no annotations, no decorators."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child


def suites(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, list[ast.stmt]]]:
    """Each statement with those that follow it in its suite; ``with`` opens no suite of its own."""
    flat: list[ast.stmt] = []
    for statement in body:
        flat += [statement, *statement.body] if isinstance(statement, ast.With) else [statement]
    for i, statement in enumerate(flat):
        yield statement, [s for s in flat[i + 1 :] if not isinstance(s, ast.With)]
        for field in ("body", "orelse"):
            inner = getattr(statement, field, [])
            if not isinstance(statement, ast.With | ast.FunctionDef) and isinstance(inner, list):
                yield from suites(inner)


def is_record(node: ast.AST) -> bool:
    """Whether this is a ``saved``, which is a record and not an array."""
    names = [getattr(node, "id", ""), getattr(getattr(node, "value", None), "id", "")]
    return isinstance(node, ast.Name | ast.Attribute) and any("saved" in name for name in names)


def name_of(node: ast.AST) -> str:
    """The last part of a dotted name: matmul for np.matmul."""
    return getattr(node, "attr", None) or getattr(node, "id", "")


def asked_for_shape(statement: ast.stmt) -> set[ast.AST]:
    """Names of arrays of which only the shape or the dtype matters: it is the same of both."""
    return {
        node.value
        for node in ast.walk(statement)
        if getattr(node, "attr", None) in ("shape", "ndim") or getattr(node, "arg", None) == "like"
    }
