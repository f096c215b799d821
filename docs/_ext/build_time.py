"""Two shortcuts that halve what Sphinx itself takes, and change no page.

The theme asks for the navigation tree of every page with titles only. Sphinx copies the whole
contents of each page, with every object of the reference, and then removes all but the title. And
numpydoc compiles its template again for each object.
"""

from copy import deepcopy
from functools import cache, partial
from typing import Any

import numpydoc.docscrape_sphinx
from docutils import nodes
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from jinja2.sandbox import SandboxedEnvironment
from sphinx import addnodes
from sphinx.application import Sphinx


def with_titles_only(tocs: dict[str, nodes.bullet_list]) -> dict[str, nodes.bullet_list]:
    """Return the contents of all pages without headings below the title, as Sphinx removes them."""
    shorter = {}
    for name, toc in tocs.items():
        shorter[name] = nodes.bullet_list("")
        for entry in toc.children:
            title = deepcopy(entry.children[0])
            below = [deepcopy(tree) for tree in entry.findall(addnodes.toctree)]
            lists = [nodes.bullet_list("", *below)] if below else []
            shorter[name] += nodes.list_item("", title, *lists)
    return shorter


def use_titles(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doc: Any
) -> None:
    """Let the theme make its navigation tree from the titles."""
    if "toctree" in context:
        context["toctree"] = partial(_tree, app, context["toctree"])


def _tree(app: Sphinx, toctree: Any, **options: Any) -> Any:
    if not options.get("titles_only"):
        return toctree(**options)
    env, tocs = app.env, app.env.tocs
    env.tocs = _shorter(app)
    try:
        return toctree(**options)
    finally:
        env.tocs = tocs


@cache
def _shorter(app: Sphinx) -> dict[str, nodes.bullet_list]:
    return with_titles_only(app.env.tocs)


class Compiled(BytecodeCache):
    """Compiled templates by their key."""

    def __init__(self) -> None:
        self.by_key: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.by_key:
            bucket.bytecode_from_string(self.by_key[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.by_key[bucket.key] = bucket.bytecode_to_string()


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", use_titles, priority=100)  # before the theme
    environment = partial(SandboxedEnvironment, bytecode_cache=Compiled())
    numpydoc.docscrape_sphinx.SandboxedEnvironment = environment
    return {"parallel_read_safe": True}
