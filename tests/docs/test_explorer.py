"""Links of the docs into the explorer page have targets."""

import importlib.util
import re
import sys
from functools import cache
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
    steps = {
        extension.GPT: demo_steps(steps=1)[0],
        extension.TRANSLATOR: translator(extension),
        extension.LLAMA: demo_steps(steps=1, **extension.LLAMA_FORM)[0],
    }
    ids = {
        file: set(re.findall(r' id="([^"]+)"', make_page(step, landscape=False).html)) | {""}
        for file, step in steps.items()
    }
    for page, (file, place, words) in extension.PLACES.items():
        assert (DOCS / f"{page}.md").is_file()
        assert place in ids[file], page
        assert words


def test_every_operation_has_a_link(extension):
    pages = {f"ops/{path.stem}" for path in (DOCS / "ops").glob("*.md")} - {"ops/index"}
    assert pages <= set(extension.PLACES)


@cache
def translator(extension):
    return extension.translator_step(steps=1)


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
    monkeypatch.setattr(extension, "translator_step", lambda: translator(extension))
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), outdir=tmp_path)
    extension.write_explorer(app, None)
    for file, op in ((extension.GPT, "gelu"), (extension.TRANSLATOR, "relu")):
        html = (tmp_path / file).read_text(encoding="utf-8")
        assert f'href="./ops/{op}.html"' in html
