"""Links of the docs into the explorer page have targets."""

import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from scratchgpt.explore import demo_steps, make_page

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def extension():
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("explorer", DOCS / "_ext" / "explorer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_link_has_a_page_and_a_place(extension):
    html = make_page(demo_steps(steps=1)[0], landscape=False).html
    ids = set(re.findall(r' id="([^"]+)"', html)) | {""}
    for page, (place, words) in extension.PLACES.items():
        assert (DOCS / f"{page}.md").is_file()
        assert place in ids, page
        assert words


def test_a_link_is_under_the_title(extension):
    context = {"body": "<h1>Attention</h1><p>text</p>"}
    app = SimpleNamespace(builder=SimpleNamespace(name="html"))
    extension.add_link(app, "ops/attention", "page.html", context, None)
    link = '<a href="../explorer.html#h.0.attn.attention">See it in a real step</a>'
    assert context["body"] == (
        f'<h1>Attention</h1>\n<p class="explorer-link">{link}</p><p>text</p>'
    )


def test_the_page_is_written_beside_the_docs(extension, tmp_path, monkeypatch):
    example = SimpleNamespace(steps=lambda: demo_steps(steps=1))
    monkeypatch.setitem(sys.modules, "recorded_step", example)
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), outdir=tmp_path)
    extension.write_explorer(app, None)
    html = (tmp_path / "explorer.html").read_text(encoding="utf-8")
    assert 'href="./ops/attention.html"' in html
