"""The layout of ``--help``: examples that can be pasted, and columns that fit narrow terminals."""

import re
import shutil
from typing import Any

import typer.core

# An example, perhaps with a program whose output it reads.
EXAMPLE = re.compile(r"(?:\w+ [^|]+ \| )?scratchgpt ")
# The words of a shell command, each with its quotes, and an option together with its value.
WORD = r"""(?:[^\s"']|"[^"]*"|'[^']*')+"""
UNIT = re.compile(rf"--?\w\S* (?!-\S){WORD}|{WORD}")
# Types in the first column, and how they are shown: what the second column says is left out.
TYPES = (
    (re.compile(r" <list\[str\]>"), ""),
    (re.compile(r"<list\[(.+)\]>"), r"<\1>"),
    (re.compile(r"<(\w+) range>"), r"<\1>"),
)

# Typer does not export the classes of the library that it is built on.
_Context: Any = typer.core.TyperCommand.context_class
_Formatter: Any = _Context.formatter_class


class Formatter(_Formatter):
    """Writes lines as wide as the terminal, at most 78 columns."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.width = min(shutil.get_terminal_size().columns, 80) - 2

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names and their descriptions; a narrow terminal has a narrow first column."""
        rows = [(_short(name), text) for name, text in rows]
        super().write_dl(rows, min(col_max, max(self.width - 48, 2)), col_spacing)

    def write_text(self, text: str) -> None:
        """Write paragraphs; a paragraph that is an example is broken so that it can be pasted."""
        for i, paragraph in enumerate(text.split("\n\n")):
            if i:
                self.write_paragraph()
            if EXAMPLE.match(paragraph):
                lines = continued(paragraph, self.width - self.current_indent)
                self.write("".join(f"{'':>{self.current_indent}}{line}\n" for line in lines))
            else:
                super().write_text(paragraph)


class Context(_Context):
    formatter_class = Formatter


def use_layout(command: Any) -> None:
    """Use this layout for a command and for all commands below it."""
    command.context_class = Context
    for below in getattr(command, "commands", {}).values():
        use_layout(below)


def continued(command: str, width: int) -> list[str]:
    """Return a shell command as lines that a backslash continues, each of at most this width.

    A single word, and an option with its value, may be wider.
    """
    lines = [""]
    for unit in UNIT.findall(command):
        if not lines[-1].strip():
            lines[-1] += unit
        elif len(f"{lines[-1]} {unit} \\") <= width:
            lines[-1] += f" {unit}"
        else:
            lines[-1] += " \\"
            lines.append(f"    {unit}")
    return lines


def _short(name: str) -> str:
    for pattern, replacement in TYPES:
        name = pattern.sub(replacement, name)
    return name
