"""Formulas, code and MathML belong together."""

import importlib.util
import re
from pathlib import Path

import pytest

from scratchgpt.explore.formulas import (
    BACKWARD,
    FORWARD,
    GELU_EXACT,
    all_tex,
    lines_of,
    mathml,
    source_file,
    source_lines,
)
from scratchgpt.explore.unfold import UNFOLD
from scratchgpt.explore.words import WORDS

ROOT = Path(__file__).parents[2]
NUMBERED = re.compile(r"# (undoes )?(\d)(:|$)")
STEPS = {
    (op, way): formulas
    for way, table in (("forward", FORWARD), ("backward", BACKWARD))
    for op, formulas in table.items()
}
each_operation = pytest.mark.parametrize(("op", "way"), STEPS)


def test_every_operation_that_is_unfolded_has_words_and_formulas():
    assert set(UNFOLD) == set(FORWARD) == set(BACKWARD)
    assert set(UNFOLD) | {"sum"} == set(WORDS)
    for words in WORDS.values():
        assert (ROOT / "docs" / f"{words.page}.md").is_file()


@each_operation
def test_every_numbered_line_of_code_has_a_formula_of_its_number(op, way):
    """The numbers of the code are those of the docs."""
    named = {
        (formula.label, line.number)
        for formula in STEPS[op, way]
        for line in lines_of(formula, op, way)
    }
    for line in source_lines(op, way):
        if match := NUMBERED.search(line.text):
            label = f"{match[1] or ''}{match[2]}"
            assert (label, line.number) in named, line


@each_operation
def test_every_numbered_formula_has_its_line_of_code(op, way):
    for formula in STEPS[op, way]:
        lines = lines_of(formula, op, way)
        if formula.label:
            assert any(f"# {formula.label}" in line.text for line in lines), formula


@each_operation
def test_every_line_of_code_is_found_once_and_where_the_page_says(op, way):
    source = (ROOT / source_file(op)).read_text(encoding="utf-8").splitlines()
    for formula in STEPS[op, way]:
        for beginning, line in zip(formula.lines, lines_of(formula, op, way), strict=True):
            assert source[line.number - 1].strip() == line.text
            found = [x for x in source_lines(op, way) if x.text.startswith(beginning)]
            assert found[0] == line
            assert len(found) == 1 or op == "gelu", beginning  # both forms of gelu share lines


def test_the_exact_gelu_has_lines_of_its_own():
    for way, formulas in zip(("forward", "backward"), GELU_EXACT, strict=True):
        assert all(lines_of(formula, "gelu", way) for formula in formulas)


def test_every_formula_is_converted():
    assert list(mathml()) == all_tex()
    assert all(text.startswith("<math>") for text in mathml().values())


def test_the_file_of_formulas_is_up_to_date(monkeypatch):
    """Written by docs/_ext/write_formulas.py."""
    pytest.importorskip("sphinx")
    folder = ROOT / "docs" / "_ext"
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("write_formulas", folder / "write_formulas.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PATH.read_text(encoding="utf-8") == module.converted()
