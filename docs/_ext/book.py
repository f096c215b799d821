"""Directives for the pages of the book: ``{opening}`` and ``{answer}``.

``{opening}``
    What a page needs and what it gives, at its head: the options ``:need:`` and ``:have:``, and
    ``:minutes:``, the time to read it.
``{answer}``
    The answer to an exercise, folded until the reader opens it. Its Python blocks are run like all
    others. An argument replaces the word "Answer" on the fold.
"""

from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Opening(SphinxDirective):
    """``{opening}``: what the reader needs, will have, and how long it takes."""

    option_spec: ClassVar[dict[str, Any]] = {
        "need": directives.unchanged_required,
        "have": directives.unchanged_required,
        "minutes": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        for name in self.option_spec:
            if name not in self.options:
                raise self.error(f"an opening has no :{name}:")
        lines = (
            f"**You need** {self.options['need']}\n\n"
            f"**You will have** {self.options['have']} "
            f"({self.options['minutes']} minutes)"
        )
        shown = nodes.container("", *self.parse_text_to_nodes(lines))
        shown["classes"].append("opening")
        return [shown]


class Answer(SphinxDirective):
    """``{answer}``: text that the reader opens."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        title = escape(self.arguments[0] if self.arguments else "Answer")
        return [
            nodes.raw("", f"<details><summary>{title}</summary>", format="html"),
            nodes.container("", *self.parse_content_to_nodes(), classes=["answer"]),
            nodes.raw("", "</details>", format="html"),
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("opening", Opening)
    app.add_directive("answer", Answer)
    return {"parallel_read_safe": True}
