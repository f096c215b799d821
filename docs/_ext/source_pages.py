"""One page for the source of each operation, so that a caption can link to a line."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx

import scratchgpt.ops

FOLDER = "source"


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the pages of the sources: name, context and template."""
    if app.builder.name != "html":
        return
    formatter = HtmlFormatter(linenos="inline", lineanchors="line", anchorlinenos=True)
    for path in sorted(Path(scratchgpt.ops.__file__).parent.glob("*.py")):
        if path.stem == "__init__":
            continue
        name = f"scratchgpt/ops/{path.name}"
        code = highlight(path.read_text(encoding="utf-8"), PythonLexer(), formatter)
        page = f'<a class="reference internal" href="../ops/{path.stem}.html">{path.stem}</a>'
        known = (Path(app.srcdir) / "ops" / f"{path.stem}.md").is_file()
        above = f"<p>The derivation is on the page {page}.</p>" if known else ""
        body = f'<h1>{escape(name)}</h1>{above}<div class="source">{code}</div>'
        yield f"{FOLDER}/{path.stem}", {"title": name, "body": body}, "page.html"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True}
