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


class Page:
    """The names of a page: nothing is imported before its first block.

    Readers can paste the blocks that are shown: they have only the names that such blocks define.
    Hidden blocks use these names too, and their own are shared with later hidden blocks.
    """

    def __init__(self) -> None:
        exec(PREAMBLE, {})  # NumPy prints four digits
        self.shown: dict[str, Any] = {"__name__": "page"}
        self.hidden: dict[str, Any] = {}

    def run(self, kind: str, code: str, name: str = "<page>") -> str:
        """Run a block of a kind, ``run`` or ``computed``, and return its output."""
        if kind == "run":
            return run_block(code, self.shown, name)
        names = {**self.hidden, **self.shown}
        output = run_block(code, names, name)
        self.hidden.update({k: v for k, v in names.items() if v is not self.shown.get(k)})
        return output


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


def blocks(page: Path) -> list[tuple[str, str]]:
    """The kinds and the code of the blocks of a page, in the order in which the build runs them."""
    return [(kind, code) for kind, _, code in FENCE.findall(page.read_text(encoding="utf-8"))]


def run_page(page: Path) -> dict[str, Any]:
    """Run all blocks of a page, and return the names that they define."""
    names = Page()
    for i, (kind, code) in enumerate(blocks(page)):
        names.run(kind, code, f"{page.name}, block {i + 1}")
    return {**names.shown, **names.hidden}
