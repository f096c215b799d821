"""Adapt docstrings, which are written to be read in the source, for Sphinx."""

import inspect
import re
from typing import Any

from sphinx.application import Sphinx

TYPE_WITH_STARS = re.compile(r"^(\w+ : )(.*\*.*)$")  # as in "jacobian : array (*y.shape, *x.shape)"


def _prepare(app: Any, kind: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if kind == "module":
        _show_indented_as_code(lines)
    elif _has_generated_docstring(obj):
        lines[:] = ["The values saved for the backward pass.", "", ".. code-block:: python", ""]
        lines += [f"    {line}" for line in inspect.getsource(obj).splitlines()] + [""]
    else:
        lines[:] = [
            TYPE_WITH_STARS.sub(lambda m: m[1] + m[2].replace("*", r"\*"), line) for line in lines
        ]


def _show_indented_as_code(lines: list[str]) -> None:
    """Mark indented lines of a module docstring as code, with or without a double colon."""
    shown: list[str] = []
    last = "    "
    for line in lines:
        if line.startswith("    ") and not last.startswith("    ") and not last.endswith("::"):
            shown += ["::", ""]
        shown.append(line)
        last = line or last
    lines[:] = shown


def _has_generated_docstring(obj: Any) -> bool:
    """Whether the object is a NamedTuple with the docstring that Python generates."""
    is_named_tuple = isinstance(obj, type) and issubclass(obj, tuple) and hasattr(obj, "_fields")
    return is_named_tuple and (obj.__doc__ or "").startswith(f"{obj.__name__}(")


def _skip(app: Any, kind: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Skip members documented as "Alias for field number 0"."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", _prepare, priority=400)  # before numpydoc
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}
