"""Build the explorer page of the small model with the docs, and link into it from the pages.

The page is ``explorer.html``, beside ``index.html``. Each page of an operation that the model has
gets a link to the first card of that operation, under its title.
"""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FILE = "explorer.html"
# Pages, the places on the explorer page, and the words of the link.
PLACES = {
    "index": ("", "See one real training step, forward and backward, with every number"),
    "ops/attention": ("h.0.attn.attention", "See it in a real step"),
    "ops/broadcast": ("h.0.attn.c_attn/backward/dbias", "See such a sum in a real step"),
    "ops/cross_entropy": ("cross_entropy", "See it in a real step"),
    "ops/embedding": ("wte", "See it in a real step"),
    "ops/gelu": ("h.0.mlp.act", "See it in a real step"),
    "ops/layer_norm": ("h.0.attn.norm", "See it in a real step"),
    "ops/linear": ("h.0.attn.c_attn", "See it in a real step"),
    "ops/log_softmax": ("cross_entropy/forward/log_total", "See its sum in a real step"),
    "ops/relu": ("h.0.mlp.act", "See its place in a real step, where GELU is"),
    "ops/residual": ("h.0.attn.residual", "See it in a real step"),
    "ops/residual_layer_norm": ("h.0.mlp.norm", "See it in a real step"),
    "ops/softmax": ("h.0.attn.attention/forward/P", "See it in a real step"),
    "guides/reader": ("step", "See this walk as one page, with every number"),
    "saved": ("bytes", "See what a real step saves, and for how long"),
}


def add_link(app: Sphinx, pagename: str, templatename: str, context: Any, doctree: Any) -> None:
    """Add the link under the title of a page."""
    if app.builder.name == "html" and pagename in PLACES and "body" in context:
        place, words = PLACES[pagename]
        address = "../" * pagename.count("/") + FILE + (f"#{place}" if place else "")
        link = f'</h1>\n<p class="explorer-link"><a href="{address}">{words}</a></p>'
        context["body"] = context["body"].replace("</h1>", link, 1)


def write_explorer(app: Sphinx, error: Exception | None) -> None:
    """Train the small model and write its page."""
    if error is not None or app.builder.name != "html":
        return
    from recorded_step import steps

    from scratchgpt.explore import make_page, write_page

    trained, start = steps()
    page = make_page(trained, start=start, docs="./")
    path = Path(app.outdir) / FILE
    path.unlink(missing_ok=True)
    write_page(page, path)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_link)
    app.connect("build-finished", write_explorer)
    return {"parallel_read_safe": True}
