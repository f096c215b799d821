"""The API pages show what a ``saved`` keeps as its source has it: fields, shapes and comments."""

import inspect
from typing import Any

from sphinx.application import Sphinx


def _is_named_tuple(obj: Any) -> bool:
    return isinstance(obj, type) and issubclass(obj, tuple) and hasattr(obj, "_fields")


def _describe(app: Any, kind: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    written = obj.__doc__ if _is_named_tuple(obj) else None
    if written and written.startswith(f"{obj.__name__}("):  # NumPy's own style says nothing
        lines[:] = ["What is kept for the backward pass.", "", ".. code-block:: python", ""]
        lines += [f"    {line}" for line in inspect.getsource(obj).splitlines()] + [""]


def _skip(app: Any, kind: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out "Alias for field number 0"."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", _describe)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}
