"""The lines of an operation beside their formula: ``{steps}`` and ``{lines}``.

``{steps} attention 6``
    The lines that do a numbered step, and that undo it. The source numbers its steps: ``# 6`` ends
    the lines of step 6 in the forward pass, and ``# undoes 6`` ends those of its backward pass.
``{lines} softmax``
    Lines that are named by their beginnings, one block for each line of the content. The lines of
    ``softmax_into: np.exp( ... out /= total`` are those of this function from the first beginning
    to the second.

Both show the file and the lines, with a link to the source. A step or a beginning without lines
fails the build.
"""

import inspect
import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from html_links import link
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import scratchgpt

ROOT = Path(scratchgpt.__file__).parents[1]
FORWARD = re.compile(r"  # (\d+)(?::|$)")
BACKWARD = re.compile(r"  # undoes (\d+)(?::|$)")


class Lines(NamedTuple):
    """The lines of one step: their text without indentation, and the number of each."""

    text: list[str]
    numbers: list[int]


def lines_of(function: Any, numbered: re.Pattern[str]) -> dict[int, Lines]:
    """Return the lines of each step of a function, in the order of the source."""
    source, first = inspect.getsourcelines(function)
    found: dict[int, Lines] = {}
    pending = Lines([], [])
    last: tuple[int, int] | None = None  # the step before this line, and its indentation
    for number, line in enumerate(source, start=first):
        code, indent = line.strip(), len(line) - len(line.lstrip())
        match = numbered.search(line.rstrip())
        if match:
            pending.text.append(code)
            pending.numbers.append(number)
            into = found.setdefault(int(match[1]), Lines([], []))
            into.text.extend(pending.text)
            into.numbers.extend(pending.numbers)
            last, pending = (int(match[1]), indent), Lines([], [])
        elif not code or code.startswith(("with ", "#", "return ", "if ")):
            _close(found, last, pending)
            last, pending = None, Lines([], [])
        else:
            if last and indent < last[1]:
                _close(found, last, pending)
                last, pending = None, Lines([], [])
            pending.text.append(code)
            pending.numbers.append(number)
    return found


def _close(found: dict[int, Lines], last: tuple[int, int] | None, pending: Lines) -> None:
    """Add lines after the last number of a group to that step."""
    if last:
        found[last[0]].text.extend(pending.text)
        found[last[0]].numbers.extend(pending.numbers)


class Steps(SphinxDirective):
    """Show the lines of one or more steps of an operation, forward and backward."""

    required_arguments = 2
    optional_arguments = 5

    def run(self) -> list[nodes.Node]:
        name, *numbers = self.arguments
        module = import_module(f"scratchgpt.ops.{name}")
        shown: list[nodes.Node] = []
        for kind, numbered in (("forward", FORWARD), ("backward", BACKWARD)):
            function = inspect.unwrap(getattr(module, f"{name}_{kind}"))
            steps = lines_of(function, numbered)
            wanted = sorted((int(n) for n in numbers), reverse=kind == "backward")
            parts = [steps[n] for n in wanted if n in steps]
            if not parts and kind == "forward":
                raise self.error(f"{name}_{kind} has no step {', '.join(numbers)}")
            if parts:
                shown.append(self._block(module, kind, parts))
        return [nodes.container("", *shown, classes=["steps"])]

    def _block(self, module: Any, kind: str, parts: list[Lines]) -> nodes.Node:
        numbers = sorted({number for part in parts for number in part.numbers})
        by_number: dict[int, str] = {}
        for part in parts:
            by_number |= zip(part.numbers, part.text, strict=True)
        return block(module, kind, Lines([by_number[number] for number in numbers], numbers))


class NamedLines(SphinxDirective):
    """Show lines of an operation that are named by their beginnings."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        module = import_module(f"scratchgpt.ops.{self.arguments[0]}")
        shown = []
        for written in self.content:
            name, _, span = written.partition(": ")
            try:
                lines = between(getattr(module, name), *span.split(" ... "))
            except (AttributeError, ValueError) as error:
                raise self.error(f"{written}: {error}") from error
            shown.append(block(module, "backward" if "backward" in name else "forward", lines))
        return [nodes.container("", *shown, classes=["steps"])]


def between(function: Any, first: str, last: str | None = None) -> Lines:
    """Return the lines of a function from one beginning to another, or the one line.

    Raises
    ------
    ValueError
        If no line or several lines begin like that.
    """
    source, start = inspect.getsourcelines(inspect.unwrap(function))

    def find(beginning: str) -> int:
        found = [i for i, line in enumerate(source) if line.strip().startswith(beginning)]
        if len(found) != 1:
            raise ValueError(f"{len(found)} lines begin with {beginning!r}, and not one")
        return found[0]

    top = find(first)
    bottom = top if last is None else find(last)
    text = textwrap.dedent("".join(source[top : bottom + 1])).splitlines()
    return Lines(text, list(range(start + top, start + bottom + 1)))


def block(module: Any, kind: str, lines: Lines) -> nodes.Node:
    """Lines of code, and above them where they are."""
    text, numbers = "\n".join(lines.text), lines.numbers
    path = Path(module.__file__).relative_to(ROOT)
    span = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {numbers[0]} to {numbers[-1]}"
    caption = nodes.paragraph("", classes=["steps-caption"])
    caption += nodes.Text(f"{kind}, ")
    caption += link(str(path), f"source/{path.stem}.html#line-{numbers[0]}", as_code=True)
    caption += nodes.Text(f", {span}")
    code = nodes.literal_block(text, text, language="python")
    return nodes.container("", caption, code, classes=[f"steps-{kind}"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("steps", Steps)
    app.add_directive("lines", NamedLines)
    return {"parallel_read_safe": True}
