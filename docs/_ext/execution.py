"""Run the code of the pages, for the build and for the tests. Uses only the standard library."""

import ast
import contextlib
import io
import re
from pathlib import Path
from typing import Any

# Fences whose contents are executed, with their options (":name: value" lines at the top).
FENCE = re.compile(r"^```\{(run|computed)\}\n((?::\w.*\n)*)(.*?)^```$", re.MULTILINE | re.DOTALL)

PREAMBLE = """
import numpy as np
np.set_printoptions(precision=4, suppress=True, linewidth=88)
"""


def new_namespace() -> dict[str, Any]:
    """The namespace of the first block of a page: NumPy as np, printing four digits."""
    namespace: dict[str, Any] = {"__name__": "page"}
    exec(PREAMBLE, namespace)
    return namespace


def run_block(code: str, namespace: dict[str, Any], name: str = "<page>") -> str:
    """Run a block and return its output.

    As at the interactive prompt, the output ends with the value of the last line if that line is
    an expression.
    """
    tree = ast.parse(code, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, name, "exec"), namespace)
        if last is not None:
            value = eval(compile(last, name, "eval"), namespace)
            if value is not None:
                print(repr(value))
    return printed.getvalue()


def blocks(page: Path) -> list[str]:
    """The code blocks of a page, in the order in which the build runs them."""
    return [match[2] for match in FENCE.findall(page.read_text(encoding="utf-8"))]


def run_page(page: Path) -> dict[str, Any]:
    """Run all blocks of a page in one namespace, and return the namespace."""
    namespace = new_namespace()
    for i, code in enumerate(blocks(page)):
        run_block(code, namespace, f"{page.name}, block {i + 1}")
    return namespace
