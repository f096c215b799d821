"""The shortcuts of the build change no page."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

PATH = Path(__file__).parents[2] / "docs" / "_ext" / "build_time.py"


@pytest.fixture(scope="module")
def module():
    for name in ("sphinx", "numpydoc"):
        pytest.importorskip(name)
    spec = importlib.util.spec_from_file_location("build_time", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contents(title, *below):
    from docutils import nodes

    paragraph = nodes.paragraph("", title)
    lists = [nodes.bullet_list("", *below)] if below else []
    return nodes.bullet_list("", nodes.list_item("", paragraph, *lists))


def test_titles_and_lists_of_pages_are_kept_and_headings_are_not(module):
    from docutils import nodes
    from sphinx import addnodes

    heading = contents("a heading", contents("smaller").children[0]).children[0]
    tree = addnodes.toctree("", entries=[(None, "other")])
    nested = nodes.list_item("", nodes.paragraph("", "parts"), nodes.bullet_list("", tree))
    tocs = {"page": contents("A page", heading), "index": contents("All", heading, nested)}
    shorter = module.with_titles_only(tocs)
    assert shorter["page"].astext() == "A page"
    assert shorter["index"].astext().strip() == "All"
    assert [node["entries"] for node in shorter["index"].findall(addnodes.toctree)] == [
        [(None, "other")]
    ]
    assert "a heading" in tocs["page"].astext()  # the contents beside a page are its own


def test_only_the_tree_of_titles_is_made_from_them(module):
    class App:
        env = SimpleNamespace(tocs={"page": contents("A page")})

    seen = []
    for titles_only in (True, False):
        module._tree(App(), lambda **_: seen.append(App.env.tocs), titles_only=titles_only)
    assert seen[0] is not seen[1]
    assert seen[1] is App.env.tocs


def test_a_template_is_compiled_once(module):
    from jinja2 import DictLoader
    from jinja2.sandbox import SandboxedEnvironment

    compiled = module.Compiled()
    for _ in range(2):
        loader = DictLoader({"t": "{{ x }}!"})
        environment = SandboxedEnvironment(loader=loader, bytecode_cache=compiled)
        assert environment.get_template("t").render(x=1) == "1!"
    assert len(compiled.by_key) == 1
