"""Each page of the book opens and ends in the same way, and its drawings compute what they show."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Pages to look things up in: they have no answers to check.
REFERENCE = {"notation", "glossary", "ops/index", "guides/from_mingpt_and_nanogpt"}
PARTS = re.compile(r"^:caption: [IV]+\. [^\n]+\n\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def pages() -> list[str]:
    """The pages of the numbered parts, those of the operations included."""
    found = [name for part in PARTS.findall(read("index")) for name in part.split()]
    found += [f"ops/{path.stem}" for path in (DOCS / "ops").glob("*.md")]
    return sorted(set(found) - REFERENCE)


PAGES = pages()
OPENING = re.compile(
    r"\A# [^\n]+\n\n```\{opening\}\n:need: (.+)\n:have: (.+)\n:minutes: (\d+)\n```\n"
)
ENDING = re.compile(
    r"\n## Remember\n\n(?P<three>(?:\d\. .+\n(?:   .+\n)*){3})"
    r"\n\*\*The common mistake\*\* is (?P<mistake>[^#]+)"
    r"\n## Check yourself\n(?P<questions>.+)\nNext: ",
    re.DOTALL,
)
EXERCISE = re.compile(r"scratchgpt exercise (\w+)`")
each = pytest.mark.parametrize("page", PAGES)


@each
def test_it_opens_with_what_it_needs_and_gives(page):
    need, have, minutes = OPENING.match(read(page)).groups()
    assert need.endswith(".")
    assert have.endswith(".")
    assert 2 <= int(minutes) <= 40


@each
def test_it_ends_with_three_lines_a_mistake_and_questions_with_folded_answers(page):
    ending = ENDING.search(read(page))
    questions = ending["questions"]
    assert re.findall(r"^\d\.", ending["three"], re.MULTILINE) == ["1.", "2.", "3."]
    n_answers = len(re.findall(r"^:::\{answer\}$", questions, re.MULTILINE))
    assert n_answers == len(re.findall(r"^:::$", questions, re.MULTILINE)) > 0
    assert n_answers == len(re.findall(r"\?\*\*$", questions, re.MULTILINE)) + len(
        re.findall(r"^\*\*[^*]+[.:]\*\*$", questions, re.MULTILINE)
    )


def test_the_page_of_an_operation_names_its_exercise():
    from scratchgpt.exercises import EXERCISES

    named = {page: EXERCISE.findall(read(page)) for page in PAGES if page.startswith("ops/")}
    assert {page: names for page, names in named.items() if names} == {
        f"ops/{name}": [name] for name in EXERCISES
    }


@pytest.fixture
def extension(monkeypatch):
    """Import a module of ``docs/_ext``; most of them need Sphinx."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, DOCS / "_ext" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_a_drawn_computation_has_right_values_and_gradients(extension):
    drawing = extension("graph_drawing")
    nodes = drawing.compute(["x = 3", "y = -1", "s = x - y", "p = s * x", "L = p ** 2"])
    values = {node.name: node.value for node in nodes}
    assert values == {"x": 3, "y": -1, "s": 4, "p": 12, "L": 144}
    # L = ((x - y) x)²: dL/dp = 24, dp/ds = 3, dp/dx = 4, and s has x too.
    assert drawing.gradients(nodes) == {"L": 1, "p": 24, "s": 72, "x": 24 * 4 + 72, "y": -72}
    picture = drawing.draw(nodes)
    assert picture.count("<rect") == len(nodes)
    assert "144, gradient 1" in picture


def test_the_lines_of_a_step_are_those_up_to_its_number(extension):
    steps = extension("steps")
    from scratchgpt.ops import layer_norm

    forward = steps.lines_of(layer_norm.layer_norm_forward.__wrapped__, steps.FORWARD)
    backward = steps.lines_of(layer_norm.layer_norm_backward.__wrapped__, steps.BACKWARD)
    assert sorted(forward) == [1, 2, 3, 4, 5, 6]
    assert forward[4].text == ["y *= rstd  # 4: x_hat"]
    assert "np.einsum" in forward[3].text[0]
    assert sorted(backward) == [1, 3, 4, 5, 6]
    assert backward[3].text == [
        "x_hat *= projection",
        "dx -= x_hat  # undoes 3: through the variance",
    ]
    source = Path(layer_norm.__file__).read_text(encoding="utf-8").splitlines()
    for part in (*forward.values(), *backward.values()):
        assert [source[n - 1].strip() for n in part.numbers] == part.text
