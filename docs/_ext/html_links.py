"""Links to pages that only the site has: the explorer, and the source files of the operations.

Other formats, such as the EPUB, show the words without the link.
"""

import posixpath
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def link(words: str, target: str, *, as_code: bool = False) -> nodes.inline:
    """Return words that link to a file of the site, relative to its top: ``explorer.html#wte``."""
    shown = nodes.literal("", words) if as_code else nodes.Text(words)
    node = nodes.inline("", "", shown)
    node["site_target"] = target
    return node


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the words by references if the site is built."""
    if app.builder.name != "html":
        return
    here = posixpath.dirname(app.builder.get_target_uri(docname))
    for node in list(doctree.findall(nodes.inline)):
        target = node.get("site_target")
        if target:
            address = posixpath.relpath(target, here or ".")
            node.replace_self(
                nodes.reference("", "", *node.children, refuri=address, internal=True)
            )


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True}
