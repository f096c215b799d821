"""``make book``: an EPUB whose pages are XML, with formulas and drawings that readers display."""

import re
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ["notation", "gradients/slope"]  # with formulas, drawings and folded answers


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Build two pages with the configuration of the docs."""
    pytest.importorskip("sphinx")
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    source, out = tmp_path_factory.mktemp("docs"), tmp_path_factory.mktemp("book")
    for page in PAGES:
        (source / page).parent.mkdir(exist_ok=True)
        (source / f"{page}.md").write_bytes((DOCS / f"{page}.md").read_bytes())
    contents = "\n".join(["# Contents", "", "```{toctree}", ":hidden:", "", *PAGES, "```", ""])
    (source / "index.md").write_text(contents, encoding="utf-8")
    (source / "_static").symlink_to(DOCS / "_static")
    known = set(sys.modules)
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            source, DOCS, out, out.parent / "read", "epub", status=None, warning=None
        )  # the warnings are about links to pages that are missing here
        app.build()
    for name in set(sys.modules) - known:
        if (DOCS / "_ext" / f"{name}.py").is_file():
            del sys.modules[name]
    sys.path.remove(str(DOCS / "_ext"))
    with zipfile.ZipFile(out / "scratchgpt.epub") as archive:
        names = [name for name in archive.namelist() if not name.endswith(".png")]
        return {name: archive.read(name).decode() for name in names}


def test_every_page_is_xml_and_loads_nothing(book):
    pages = {name: text for name, text in book.items() if name.endswith(".xhtml")}
    assert set(pages) >= {f"{page}.xhtml" for page in PAGES}
    for name, text in pages.items():
        ElementTree.fromstring(text)
        assert "<script" not in text, name
        assert not re.search(r'(?:src|<link[^>]+href)="https?:', text), name


def test_formulas_and_drawings_are_declared(book):
    slope = book["gradients/slope.xhtml"]
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML"' in slope
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in slope
    assert re.search(
        r'href="gradients/slope.xhtml"[^>]+properties="mathml svg"', book["content.opf"]
    )
    assert "nav.xhtml" in book["content.opf"]


def test_the_contents_list_the_pages(book):
    for page in PAGES:
        assert f'href="{page}.xhtml"' in book["nav.xhtml"]


def test_the_style_has_the_colors_that_the_theme_of_the_site_defines(book):
    used = set(re.findall(r"var\((--[\w-]+)\)", book["_static/custom.css"]))
    defined = set(re.findall(r"(--[\w-]+):", book["_static/book.css"])) | {"--columns"}
    assert used <= defined


def test_make_book_does_not_read_the_pages_again():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "-b html docs docs/_build/html\n" in makefile
    assert "-b epub -d docs/_build/html/.doctrees docs docs/_build/book\n" in makefile
    assert re.search(r"^book:", makefile, re.MULTILINE)
