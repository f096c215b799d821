"""The EPUB of ``make book``: its manifest says which pages have formulas and drawings.

A reader needs the properties ``mathml`` and ``svg`` of a page to display them (EPUB 3.3, section
5.6). Sphinx does not write them.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder

ITEM = re.compile(r'(<item id="[^"]+" href="([^"]+\.xhtml)" media-type="[^"]+") />')


class BookBuilder(Epub3Builder):
    """The EPUB builder of Sphinx, with the properties of each page."""

    def build_content(self) -> None:
        super().build_content()
        folder = Path(self.outdir)
        manifest = folder / "content.opf"
        written = manifest.read_text(encoding="utf-8")
        with_properties = ITEM.sub(
            lambda item: f"{item[1]}{properties(folder / item[2])} />", written
        )
        manifest.write_text(with_properties, encoding="utf-8")


def properties(page: Path) -> str:
    """Return the attribute of a page in the manifest, or nothing."""
    text = page.read_text(encoding="utf-8")
    found = [name for name, tag in (("mathml", "<math"), ("svg", "<svg")) if tag in text]
    return f' properties="{" ".join(found)}"' if found else ""


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_builder(BookBuilder, override=True)
    return {"parallel_read_safe": True}
