"""The objective in the guide "your own objective" is short, passes its check, and learns."""

import ast

import pytest


@pytest.fixture(scope="module")
def page(docs, execution):
    return execution.run_page(docs / "guides" / "your_own_objective.md")


def test_the_objective_is_proven_and_learns(page):
    assert page["report"].passed
    assert page["report"].worst_error < 1e-12
    assert page["result"].best_value > 0.9


def test_it_takes_fewer_than_40_lines(docs, execution):
    text = (docs / "guides" / "your_own_objective.md").read_text(encoding="utf-8")
    blocks = [match[3] for match in execution.FENCE.finditer(text)]
    [block] = [block for block in blocks if "Objective)" in block]
    classes = [node.name for node in ast.parse(block).body if isinstance(node, ast.ClassDef)]
    assert classes == ["MaskedModel", "MaskedTokens"]
    assert len([line for line in block.splitlines() if line.strip()]) < 40
