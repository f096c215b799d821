"""The text of index.md, the toctrees and the "Next" lines give the same reading order."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\{doc\}`([\w/]+)`")


def read(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def toctrees(page: str) -> list[tuple[str, list[str]]]:
    """The caption and the entries of each toctree of a page."""
    found = []
    for block in TOCTREE.findall(read(page)):
        options = dict(re.findall(r"^:(\w+): ?(.*)$", block, re.MULTILINE))
        names = re.findall(r"^[\w/]+$", block, re.MULTILINE)
        found.append((options.get("caption", ""), [str(Path(page).parent / n) for n in names]))
    return found


def order(page: str) -> list[str]:
    """A page and all pages below it, in the order of Sphinx's "next" arrows."""
    below = [child for _, children in toctrees(page) for child in children]
    return [page, *(later for child in below for later in order(child))]


ORDER = order("index")
STEPS = list(pairwise(ORDER[: ORDER.index("api/index") + 1]))


def test_every_page_is_in_the_order_once():
    pages = [path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")]
    assert sorted(ORDER) == sorted(str(page) for page in pages if "_build" not in page.parts)


def test_the_recommended_order_is_that_of_the_toctrees():
    section = re.search(r"^## Reading order$(.*?)^Next:", read("index"), re.MULTILINE | re.DOTALL)
    parts = re.split(r"^\*\*(.+?)\.\*\*", section[1], flags=re.MULTILINE)[1:]
    recommended = [(parts[i], LINK.findall(parts[i + 1])) for i in range(0, len(parts), 2)]
    *in_order, reference = toctrees("index")
    assert recommended == in_order
    assert reference == ("Reference", ["api/index"])


def test_the_operations_have_no_second_order():
    text = TOCTREE.sub("", read("ops/index")).partition("Next:")[0]
    assert not {link for link in LINK.findall(text) if f"ops/{link}" in ORDER}


@pytest.mark.parametrize(("page", "following"), STEPS)
def test_each_page_ends_with_a_link_to_the_next(page, following):
    *_, last = TOCTREE.sub("", read(page)).strip().splitlines()
    assert last == f"Next: {{doc}}`/{following}`."
