"""The page in use: keys, links, themes, small screens, and without a script."""

import re

import pytest

# The smallest contrast of a text with what is behind it, and where.
WORST_CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const linear = c => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) =>
    0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(color)) return rgb(color);
    }
    return [255, 255, 255];
  };
  const kinds = "p, h1, h2, h3, h4, td, th, li, code, summary, figcaption *, dd, dt, small, button";
  let worst = [99, ""];
  for (const e of document.querySelectorAll(`${kinds}, .bar a`)) {
    if (!e.textContent.trim()) continue;
    const both = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
    const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    if (contrast < worst[0]) worst = [contrast, e.outerHTML.slice(0, 80)];
  }
  return worst;
}"""


def test_it_opens_with_one_request_and_without_errors(open_page, demo_path):
    opened = open_page()
    opened.js("document.getElementById('heads').scrollIntoView()")
    opened.page.wait_for_selector(".attention canvas")
    assert [url.partition("?")[0] for url in opened.requests] == [demo_path.as_uri()]
    assert opened.errors == []


def test_all_steps_are_reached_by_a_key(open_page, demo):
    opened = open_page(viewport={"width": 900, "height": 300})
    n = len(demo.content.cards)
    assert opened.js("explorer.steps") == 2 * n
    opened.js("""() => {
      window.reached = [];
      addEventListener("keyup", () => reached.push(location.hash.slice(1)));
    }""")
    for _ in range(2 * n):
        opened.page.keyboard.press("ArrowRight")
    reached = opened.js("reached")
    ids = [card.id for card in demo.content.cards]
    assert reached[:n] == ids
    assert reached[n] == "cross_entropy"
    assert sorted(reached[n:]) == sorted(ids)
    assert opened.js("document.activeElement.id") == reached[-1]
    assert opened.js("""() => {
      const box = document.querySelector(".map a.now").getBoundingClientRect();
      const side = document.querySelector(".side").getBoundingClientRect();
      return side.top <= box.top && box.bottom <= side.bottom;
    }""")
    opened.page.keyboard.press("k")
    assert opened.hash()[1:] == reached[-2]
    opened.page.keyboard.press("b")
    assert opened.hash()[1:] == reached[-2]
    assert opened.js("document.querySelector('.map a.now').dataset.way") == "forward"


def test_the_name_of_a_saved_array_is_a_link_to_it(open_page):
    opened = open_page("#model.transformer.stack.h.1.attn.branch.attention.weights?h=1&t=4&s=2")
    figure = opened.page.locator("[id='h.1.attn.attention/saved/weights']")
    assert figure.locator(".cursor").count() == 1
    box = figure.bounding_box()
    assert 0 <= box["y"] <= 900
    assert "t\u00a04" in opened.page.inner_text("#dock-title")


def test_a_picture_is_used_with_the_keyboard_alone(open_page):
    opened = open_page()
    opened.page.keyboard.press("Tab")
    assert opened.js("document.activeElement.textContent") == "Skip to the step"
    opened.page.keyboard.press("Enter")
    for _ in range(9):
        opened.page.keyboard.press("Tab")
        if opened.js("document.activeElement.tagName") == "CANVAS":
            break
    label = opened.js("document.activeElement.getAttribute('aria-label')")
    assert "move with the arrow keys" in label
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("ArrowDown")
    assert re.search(r"\[.*1.*, .*1.*\] = ", opened.page.inner_text("#dock-title"))
    assert opened.js("document.getElementById('dock-body').getAttribute('aria-live')") == "polite"
    opened.page.keyboard.press("Escape")
    assert opened.page.locator("#dock").is_hidden()


def test_every_control_has_a_name_and_can_be_focused(open_page):
    opened = open_page()
    unnamed = opened.js(
        """[...document.querySelectorAll("button, a, summary, canvas")].filter(e =>
          !(e.textContent.trim() || e.getAttribute("aria-label")) || e.tabIndex < 0).length"""
    )
    assert unnamed == 0
    assert opened.js("document.querySelectorAll('h1').length") == 1
    assert opened.js("document.querySelectorAll('main').length") == 1


def test_heads_are_chosen_by_button_and_key(open_page):
    opened = open_page("#heads")
    view = opened.page.locator(".attention").first
    view.locator("canvas").first.wait_for()
    assert view.locator("canvas").count() == 4
    first = view.locator(".reading").inner_text()
    assert first.startswith("Head 0, query 12")
    view.get_by_role("button", name="head 1").click()
    assert view.locator(".reading").inner_text().startswith("Head 1, query 12")
    opened.page.keyboard.press("3")
    assert view.locator("[aria-pressed=true]").inner_text() == "head 2"


def test_the_state_before_training_has_its_own_numbers(open_page, demo):
    opened = open_page("#cross_entropy/forward/loss")
    line = opened.page.locator("[id='cross_entropy/forward/loss'] .scalar")
    trained = line.inner_text()
    opened.page.click("#start")
    assert line.inner_text() != trained
    assert opened.page.locator("#start").get_attribute("aria-pressed") == "true"
    opened.page.click("#start")
    assert line.inner_text() == trained


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_in_both_themes(open_page, theme):
    """WCAG 2.1 asks for a contrast of 4.5."""
    opened = open_page(theme=theme)
    worst = opened.js(WORST_CONTRAST)
    assert worst[0] >= 4.5, worst
    opened.page.click("#theme")
    assert opened.js("document.documentElement.dataset.theme") != theme


def test_a_phone_shows_one_column_without_scrolling_sideways(open_page, translator_path):
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    opened = open_page(path=translator_path, **phone)
    assert opened.js("document.documentElement.scrollWidth") <= 360
    opened = open_page("#h.0.attn.attention", **phone)
    assert opened.js("document.documentElement.scrollWidth") <= 360
    sides = opened.js(
        """[...document.getElementById("h.0.attn.attention").querySelectorAll(".col")]
          .map(c => [c.className, c.getBoundingClientRect().left, c.getBoundingClientRect().top])"""
    )
    assert [side[0] for side in sides] == ["col forward", "col saved", "col backward"]
    assert len({side[1] for side in sides}) == 1
    assert sides[0][2] < sides[1][2] < sides[2][2]
    canvas = opened.page.locator("[id='h.0.attn.attention/forward/q'] canvas").first
    canvas.tap()
    assert opened.page.locator("#dock").is_visible()
    assert opened.js("document.documentElement.scrollWidth") <= 360


def test_without_a_script_text_formulas_and_statistics_remain(open_page):
    opened = open_page("#h.0.attn.attention", scripts=False)
    assert opened.page.locator("noscript").count() == 1
    text = opened.page.inner_text("main")
    assert "norm" in text
    assert "_sum_groups(_groups(dscores, k).mT, _groups(q, k), dk)" in text
    assert opened.page.locator("math").first.is_visible()
    assert opened.page.locator("#start").is_hidden()
    assert opened.page.locator(".pic").first.is_hidden()


def test_print_leaves_out_what_is_for_the_screen(open_page):
    opened = open_page()
    opened.page.emulate_media(media="print")
    assert opened.page.locator(".bar").is_hidden()
    assert opened.page.locator(".side").is_hidden()
    assert opened.page.locator("h1").is_visible()


def test_the_help_opens_by_key_and_closes(open_page):
    opened = open_page()
    opened.page.keyboard.press("?")
    assert opened.page.locator("#help").is_visible()
    assert "Follow one number" in opened.page.inner_text("#help")
    opened.page.keyboard.press("Escape")
    assert opened.page.locator("#help").is_hidden()


def test_the_button_reports_the_check_of_all_numbers(open_page, demo):
    opened = open_page("#proof")
    opened.page.click("#check")
    text = opened.page.inner_text("#checked")
    assert text.startswith(f"{demo.content.n_followed:,} numbers recomputed")
    assert text.endswith("All agree.")
