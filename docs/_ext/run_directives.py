"""Directives that execute code while a page is built: ``{run}``, ``{computed}``, ``{command}``.

``{run}``
    Python code, shown together with its output. The blocks of a page share their names, and
    nothing is imported before the first.
``{computed}``
    Python code that is not shown. It prints Markdown, which becomes part of the page.
``{command}``
    Commands, one per line; a backslash at the end of a line continues it. They run in a temporary
    folder of the page and are shown with their standard output. ``:notes:`` shows standard error
    instead, to which progress is printed. ``:fails:`` also shows standard error, and the command
    must fail.

Code that raises an exception, or a command with the wrong exit status, fails the build.
"""

import shlex
import tempfile
import traceback
from typing import Any, ClassVar

from command_process import run_command
from docutils import nodes
from docutils.parsers.rst import directives
from execution import Page
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

CONTINUED = "\0"  # replaces a backslash at the end of a line while commands are split


class _Executed(SphinxDirective):
    """A directive that runs its content in the namespace of the page."""

    has_content = True

    def execute(self) -> str:
        page = self.env.current_document
        if "names" not in page:
            page["names"] = Page()
        source, line = self.get_source_info()
        try:
            names: Page = page["names"]
            return names.run(self.name, "\n".join(self.content), f"{source}:{line}")
        except Exception as error:
            trace = "".join(traceback.format_exception(error, limit=-2))
            raise self.error(f"this block fails while the page is built:\n{trace}") from error


class Run(_Executed):
    """``{run}``: code, and its output below it."""

    def run(self) -> list[nodes.Node]:
        output = self.execute()
        shown = [_literal("\n".join(self.content), "python", "run-code")]
        if output:
            shown.append(_literal(output.rstrip("\n"), "text", "run-output"))
        return [nodes.container("", *shown, classes=["run"])]


class Computed(_Executed):
    """``{computed}``: the Markdown that hidden code prints."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(self.execute())


class Command(SphinxDirective):
    """``{command}``: ``scratchgpt`` commands, and their output."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"notes": directives.flag, "fails": directives.flag}

    def run(self) -> list[nodes.Node]:
        page = self.env.current_document
        if "folder" not in page:
            page["folder"] = tempfile.TemporaryDirectory(prefix="scratchgpt-docs-")
        shown: list[nodes.Node] = []
        for command in "\n".join(self.content).replace("\\\n", CONTINUED).splitlines():
            written = command.replace(CONTINUED, "\\\n")
            shown.append(_literal(f"$ {written}", "console", "run-code"))
            output = self._execute(command.replace(CONTINUED, " "), page["folder"].name)
            if output:
                shown.append(_literal(output, "text", "run-output"))
        return [nodes.container("", *shown, classes=["run"])]

    def _execute(self, line: str, folder: str) -> str:
        program, *arguments = shlex.split(line)
        if program != "scratchgpt":
            raise self.error(f"{program} cannot be run here; only scratchgpt can")
        done = run_command(
            arguments, folder, {"COLUMNS": "100", "NO_COLOR": "1", "SCRATCHGPT_CACHE": folder}
        )
        if (done.status != 0) != ("fails" in self.options):
            raise self.error(f"{line}: exit status {done.status}\n{done.stderr}")
        return (done.stderr if self.options else done.stdout).rstrip("\n")


def _literal(text: str, language: str, name: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language=language, classes=[name])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("run", Run)
    app.add_directive("computed", Computed)
    app.add_directive("command", Command)
    return {"parallel_read_safe": True}
