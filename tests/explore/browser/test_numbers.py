"""Every number that the page shows is the recorded one, and the page can recompute it."""

import re

import numpy as np
import pytest

CELL = "([v, index]) => [explorer.page.at(v, index), explorer.evaluate.one(v, index)]"


@pytest.mark.parametrize("which", ["demo_path", "translator_path"])
def test_the_page_recomputes_all_its_numbers(which, open_page, request):
    opened = open_page(path=request.getfixturevalue(which))
    found = opened.js("explorer.checkAll()")
    assert found["n"] > 30_000
    assert found["worst"] <= 1e-5  # of the size of the terms
    assert found["gap"] <= 1e-5  # as a number
    assert opened.errors == []


def test_the_page_of_every_form_recomputes_all_its_numbers(form_path, open_page):
    opened = open_page(path=form_path)
    found = opened.js("explorer.checkAll()")
    assert found["n"] > 3_000
    assert found["worst"] <= 1e-5
    assert found["gap"] <= 1e-5
    assert opened.errors == []


def test_the_page_recomputes_the_updates_of_muon(muon_path, open_page):
    opened = open_page(path=muon_path)
    kinds = opened.js("explorer.followed().map(v => explorer.page.how(v).k)")
    assert {kind: kinds.count(kind) for kind in ("ahead", "orthogonal", "muon")} == dict.fromkeys(
        ("ahead", "orthogonal", "muon"), 2 * 4
    )
    found = opened.js("explorer.checkAll()")
    assert found["worst"] <= 1e-5
    assert found["gap"] <= 1e-5
    opened.page.click("#start")
    kinds = opened.js("explorer.followed().map(v => explorer.page.how(v).k)")
    assert not set(kinds) & {"adam", "ahead", "orthogonal", "muon"}
    assert opened.errors == []


def test_the_step_of_muon_is_followed_through_all_iterations(muon_path, open_page):
    opened = open_page("#update/transformer.h.0.attn.c_attn.weight/O?c=3&q=14", path=muon_path)
    text = opened.page.inner_text("#dock")
    assert "5 iterations X ← a · X + (b · A + c · A²) · X" in text
    rows = opened.page.locator("#dock tr")
    assert [rows.nth(i).locator("td").first.inner_text() for i in range(6)] == [
        "X: ahead, divided by the norm of its matrix",
        *(f"X after {i}" for i in range(1, 6)),
    ]
    opened.page.locator("#dock button.to").first.click()
    assert "M = 0.95 ·" in opened.page.inner_text("#dock")


def test_all_numbers_before_training_agree_too(open_page):
    opened = open_page()
    opened.page.click("#start")
    found = opened.js("explorer.checkAll()")
    assert found["n"] > 40_000
    assert found["worst"] <= 1e-5
    assert "T 13" in opened.page.inner_text(".letters")


def test_the_numbers_are_those_of_the_arrays(open_page, demo):
    opened = open_page()
    content = demo.content
    for v in sorted(content.on_page)[::7]:
        array = content.values[v].array
        shown = opened.js("v => Array.from(explorer.page.numbers(v))", v)
        expected = array.ravel().astype(np.float64)
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(np.array(shown, dtype=float)[finite], expected[finite])


def test_a_number_that_is_changed_is_found(open_page):
    opened = open_page()
    changed = """() => {
      const v = explorer.followed().find(v => explorer.page.name(v) === "ln_f/forward/y");
      explorer.page.numbers(v)[5] += 1e-3;
      return explorer.evaluate.all(v).worst;
    }"""
    assert opened.js(changed) > 1e-5


def test_a_picture_has_the_colors_of_its_numbers(open_page, demo):
    """The colors are computed here a second time, from the rule that the help describes."""
    opened = open_page("#h.0.attn.attention/backward/dS")
    card = next(c for c in demo.content.cards if c.id == "h.0.attn.attention")
    field = next(f for f in card.fields if f.name == "dS")
    array = demo.content.values[field.value].array
    pixels = opened.js(
        """() => [...document.getElementById("h.0.attn.attention/backward/dS")
          .querySelectorAll("canvas")].map(c => Array.from(
            c.getContext("2d").getImageData(0, 0, c.width, c.height).data))"""
    )
    assert len(pixels) == len(array)
    palette = opened.js("explorer.heatmap.PALETTES.light")
    largest = np.abs(array).max()
    for head, shown in zip(array, pixels, strict=True):
        shown = np.array(shown).reshape(-1, 4)
        for x, color in zip(head.ravel().tolist(), shown, strict=True):
            t = np.sqrt(abs(x) / largest)
            middle, end = palette["negative" if x < 0 else "positive"]
            a, b, part = (palette["zero"], middle, 2 * t) if t < 0.5 else (middle, end, 2 * t - 1)
            expected = [int(np.floor(p + (q - p) * part + 0.5)) for p, q in zip(a, b, strict=True)]
            assert color.tolist() == [*expected, 255]


def test_a_table_has_the_numbers_of_its_array(open_page, demo):
    opened = open_page("#ln_f/forward/y")
    figure = opened.page.locator("[id='ln_f/forward/y']")
    figure.get_by_role("button").click()
    cells = figure.locator("td").all_inner_texts()
    card = next(c for c in demo.content.cards if c.id == "ln_f")
    field = next(f for f in card.fields if f.name == "y")
    array = demo.content.values[field.value].array
    assert len(cells) == array.size
    np.testing.assert_allclose([float(c) for c in cells], array.ravel(), rtol=6e-4, atol=1e-12)


def test_one_number_is_explained_with_the_numbers_it_came_from(open_page):
    opened = open_page("#h.1.attn.attention/backward/dS?h=1&t=9&s=3")
    text = opened.page.inner_text("#dock")
    assert "h.1.attn.attention/backward/dS[h 1, t 9" in text.replace("\u00a0", " ")
    numbers = r"P · \(dP − average of dP\) = [\d.e−]+ · \([\d.e−]+ [+−] [\d.e−]+\) = [\d.e−]+"
    assert re.search(numbers, text)
    value, computed = opened.js(
        """() => {
          const id = "h.1.attn.attention/backward/dS";
          const v = Number(document.getElementById(id).dataset.v);
          return [explorer.page.at(v, [1, 9, 3]), explorer.evaluate.one(v, [1, 9, 3])[0]];
        }"""
    )
    assert computed == pytest.approx(value, rel=1e-5)
    opened.page.locator("#dock button.to").nth(1).click()
    assert opened.hash().startswith("#h.1.attn.attention/backward/dP?h=1&t=9&s=3")
    opened.page.go_back()
    assert opened.hash().startswith("#h.1.attn.attention/backward/dS")
    opened.page.wait_for_function(
        "document.getElementById('dock-title').textContent.includes('dS')"
    )
