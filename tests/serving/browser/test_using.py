"""The page for all users: by keyboard, on a phone, in the dark, and when something goes wrong."""

import re

import pytest


def alpha(color: str) -> float:
    """The last number of ``rgba(r, g, b, a)``."""
    return float(re.findall(r"[\d.]+", color)[-1])


SHADES = """tokens => tokens.map(token => getComputedStyle(token).backgroundColor)"""


def test_probabilities_are_those_of_the_api(chat, server):
    server.answer = [
        server.piece("The", server.token("The", 0.875, A=0.09375, It=0.0001)),
        server.piece(" cat", server.token(" cat", 0.25, **{" dog": 0.5, "\n": 0.00001})),
    ]
    chat.ask("Hi")
    tokens = chat.page.locator(".token")
    tokens.first.hover()
    assert chat.details() == [["The", "87.5 %"], ["A", "9.4 %"], ["It", "0.01 %"]]
    tokens.last.hover()
    assert chat.details() == [["␣dog", "50.0 %"], ["␣cat", "25.0 %"], ["↵", "< 0.01 %"]]
    assert chat.page.locator("#details .chosen .word").text_content() == "␣cat"
    certain, unlikely = (alpha(color) for color in tokens.evaluate_all(SHADES))
    assert unlikely / certain == pytest.approx((1 - 0.25) / (1 - 0.875), rel=0.05)
    chat.page.locator("h1").hover()
    assert chat.page.locator("#details").is_hidden()
    chat.page.uncheck("#probabilities")
    assert {alpha(color) for color in tokens.evaluate_all(SHADES)} == {0}


def test_a_token_that_is_not_among_the_most_probable_is_listed_last(chat, server):
    token = server.token("zebra", 0.001, cat=0.5)
    token["top_logprobs"].pop()
    server.answer = [server.piece("zebra", token)]
    chat.ask("Hi")
    chat.page.locator(".token").hover()
    assert chat.details() == [["cat", "50.0 %"], ["zebra", "0.10 %"]]


@pytest.mark.parametrize("n_late", [0, 1, 2])
def test_text_and_tokens_may_arrive_in_different_chunks(chat, server, n_late):
    parts = ["Good", " day", ",", " é", "!"]
    tokens = [[server.token(part, 0.5)] for part in parts]
    texts = [*parts, *[""] * n_late]
    late = [*[[]] * n_late, *tokens]
    server.answer = [server.piece(text, *some) for text, some in zip(texts, late, strict=True)]
    assert chat.ask("Hi") == "Good day, é!"
    assert chat.page.locator(".token").all_text_contents() == parts


def test_text_that_its_tokens_do_not_spell_is_shown_all_the_same(chat, server):
    server.answer = [
        server.piece("Good", server.token(" Good", 0.5)),
        server.piece("\ufffd", server.token(b"\xff", 0.5)),
        server.piece(" day", server.token(" day", 0.5)),
        server.piece(" to you"),
    ]
    assert chat.ask("Hi") == "Good\ufffd day to you"
    assert chat.page.locator(".token").all_text_contents() == ["Good", "\ufffd", " day"]


def test_a_tap_shows_the_probabilities_on_a_phone(open_chat):
    chat = open_chat(viewport={"width": 360, "height": 640}, has_touch=True)
    chat.ask("Hi")
    chat.page.locator(".token").last.tap()
    assert chat.details() == [["␣there", "50.0 %"]]
    box = chat.page.locator("#details").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    chat.page.locator("#log").tap(position={"x": 5, "y": 5})
    assert chat.page.locator("#details").is_hidden()


def test_nothing_is_wider_than_a_phone(open_chat, server):
    chat = open_chat(viewport={"width": 360, "height": 640}, has_touch=True)
    long = "word" * 60
    server.answer = server.words(f"{long} and {long}")
    chat.ask(long)
    server.refusals = [(500, {"message": long})]
    chat.send("Hi")
    chat.page.wait_for_selector("#problem:visible")
    for _ in range(2):  # without the settings, and with them
        widths = "[...document.querySelectorAll('body, main, footer, aside, header')]"
        widths += ".map(one => one.scrollWidth - one.clientWidth)"
        assert set(chat.page.evaluate(widths)) == {0}
        assert chat.page.evaluate("document.documentElement.scrollWidth") == 360
        chat.page.click("#open-settings")
    chat.errors.clear()


def test_everything_works_with_the_keyboard(chat, server):
    keyboard = chat.page.keyboard
    assert chat.focused() == "input"
    keyboard.type("One")
    keyboard.press("Shift+Enter")
    keyboard.type("Two")
    assert not server.requests
    keyboard.press("Enter")
    chat.wait_for_answer()
    assert chat.users() == ["One\nTwo"]
    seen = {}
    for _ in range(20):
        keyboard.press("Tab")
        name, focus = chat.page.evaluate(FOCUS)
        if name:  # between the last control and the first, none has the focus
            seen[name] = focus
    controls = chat.page.evaluate(CONTROLS)
    assert set(controls) <= set(seen)
    assert all(seen.values()), seen
    chat.page.locator(".token").first.focus()
    assert chat.details() == [["Hello", "50.0 %"]]
    keyboard.press("ArrowRight")
    assert chat.details() == [["␣there", "50.0 %"]]
    assert chat.page.locator("#status").text_content() == "␣there: 50.0 %"
    keyboard.press("Escape")
    assert chat.page.locator("#details").is_hidden()
    chat.page.locator("#open-settings").focus()
    keyboard.press("Enter")
    assert chat.focused() == "system"
    keyboard.press("Escape")
    assert chat.focused() == "open-settings"


# The name of the focused element, and whether its focus is visible.
FOCUS = """() => {
    const name = one => one.id || one.ariaLabel || one.textContent;
    const one = document.activeElement;
    if (one === document.body) return ['', true];
    const style = getComputedStyle(one);
    const box = getComputedStyle(one.closest('.box') ?? one);
    return [name(one), style.outlineStyle !== 'none' || box.boxShadow !== 'none'];
}"""
CONTROLS = """[...document.querySelectorAll('button, input, textarea, select')]
    .filter(one => one.checkVisibility() && !one.disabled)
    .map(one => one.id || one.ariaLabel || one.textContent)"""


def test_enter_that_accepts_a_character_of_an_input_method_does_not_send(chat, server):
    chat.page.fill("#input", "にほん")
    chat.page.dispatch_event("#input", "keydown", {"key": "Enter", "isComposing": True})
    assert chat.page.input_value("#input") == "にほん"
    assert not server.requests


# Every piece of text that is visible, with its color, and the background colors behind it.
TEXTS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        let element = walker.currentNode.parentElement;
        const rest = ['STYLE', 'SCRIPT', 'NOSCRIPT'].includes(element.tagName);
        if (rest || !walker.currentNode.data.trim() || !element.checkVisibility()) continue;
        if (element.closest(':disabled:not(select)') || element.closest('.hidden')) continue;
        const color = getComputedStyle(element).color, grounds = [];
        for (; element; element = element.parentElement) {
            grounds.push(getComputedStyle(element).backgroundColor);
        }
        found.push([walker.currentNode.data.trim(), color, grounds]);
    }
    return found;
}"""


def contrast(color: str, grounds: list[str]) -> float:
    """The contrast of WCAG 2; ``grounds`` are the backgrounds behind the text, nearest first."""
    ground = (255.0, 255.0, 255.0)
    for layer in reversed(grounds):
        *rgb, opacity = parse(layer)
        ground = tuple(
            opacity * over + (1 - opacity) * under for over, under in zip(rgb, ground, strict=True)
        )
    light = sorted((luminance(parse(color)[:3]), luminance(ground)))
    return (light[1] + 0.05) / (light[0] + 0.05)


def parse(color: str) -> list[float]:
    assert color.startswith("rgb"), color
    numbers = [float(number) for number in re.findall(r"[\d.]+", color)]
    return numbers if len(numbers) == 4 else [*numbers, 1.0]


def luminance(rgb) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in rgb)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_of_known_colors():
    assert contrast("rgb(0, 0, 0)", ["rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"]) == 21
    assert contrast("rgb(119, 119, 119)", ["rgb(255, 255, 255)"]) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(open_chat, server, scheme):
    chat = open_chat(scheme=scheme)
    empty = chat.page.evaluate(TEXTS)
    server.answer = [
        server.piece("sure", server.token("sure", 0.99)),
        server.piece(" never", server.token(" never", 0.0001, **{" always": 0.9})),
    ]
    server.usage = {"dropped_messages": 0}
    chat.ask("Hi")
    server.usage = {"dropped_messages": 2}
    chat.ask("Hi")
    server.refusals = [(500, {"message": "It failed"})]
    chat.send("Hi")
    chat.page.wait_for_selector("#problem:visible")
    chat.page.click("#open-settings")
    chat.page.locator(".token").last.focus()
    found = empty + chat.page.evaluate(TEXTS)
    names = {text for text, _, _ in found}
    assert {"Say something", "sure", "never", "␣always", "It failed", "Temperature"} <= names
    assert any(text.startswith("The model no longer") for text in names)
    low = {text: contrast(color, grounds) for text, color, grounds in found}
    assert not {text: ratio for text, ratio in low.items() if ratio < 4.5}
    ground = parse(found[0][2][-2])
    assert (luminance(ground[:3]) > 0.5) == (scheme == "light")
    chat.errors.clear()


PROBLEMS = {
    "refused": ([(429, {"message": "the queue is full; try later"})], None, "The queue is full"),
    "no JSON": ([(502, None)], None, "The server answered with the HTTP status 502."),
    "in the answer": ([], {"error": {"message": "out of memory"}}, "Out of memory"),
    "broken": ([], "break", "The connection ended before the answer was complete."),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_is_said_in_words_and_the_page_can_try_again(chat, server, name):
    server.refusals, end, words = PROBLEMS[name]
    server.refusals = list(server.refusals)
    whole = server.answer
    server.answer = whole if end is None else [*server.words("Half an"), end]
    chat.send("Hi")
    chat.page.wait_for_selector("#problem:visible")
    assert chat.page.locator("#problem p").text_content().startswith(words)
    assert chat.answers() == ([] if end is None else ["Half an"])
    server.answer = whole
    chat.press("Try again")
    chat.page.wait_for_selector(".answer .text:has-text('Hello there')")
    chat.wait_for_answer()
    assert (chat.users(), chat.answers()) == (["Hi"], ["Hello there"])
    assert chat.page.locator("#problem").is_hidden()
    chat.errors.clear()


def test_a_server_that_is_gone_is_named(chat, server):
    chat.page.wait_for_selector("#model option", state="attached")
    chat.page.context.set_offline(True)
    chat.send("Hi")
    chat.page.wait_for_selector("#problem:visible")
    host = server.url.removeprefix("http://").rstrip("/")
    assert f"{host} does not respond" in chat.page.locator("#problem").text_content()
    chat.page.context.set_offline(False)
    chat.press("Try again")
    chat.wait_for_answer()
    chat.errors.clear()


def test_the_key_is_asked_for_only_if_the_server_wants_one(open_chat, server):
    server.api_key = "s3cret"
    chat = open_chat()
    words = chat.page.locator("#problem p")
    chat.page.wait_for_selector("#api-key:focus")
    assert words.text_content() == "The server asks for an API key."
    chat.page.keyboard.type("wrong")
    chat.page.keyboard.press("Enter")
    chat.page.wait_for_selector("#problem:has-text('refuses')")
    assert words.text_content() == "The server refuses this API key."
    chat.page.keyboard.type("s3cret")
    chat.page.keyboard.press("Enter")
    assert chat.ask("Hi") == "Hello there"
    assert chat.page.locator("#api-key").count() == 0
    assert "s3cret" not in chat.page.evaluate(
        "JSON.stringify({...sessionStorage, ...localStorage})"
    )
    chat.errors.clear()


def test_the_page_follows_the_answer_unless_the_reader_scrolls_up(open_chat, server):
    chat = open_chat(viewport={"width": 500, "height": 400})
    lines = [server.piece(f"{i}\n") for i in range(40)]
    server.answer = [*lines, "wait", *lines, "wait", *lines]
    chat.send("Hi")
    chat.page.wait_for_function(
        "() => document.querySelector('.answer .text')?.textContent.length > 100"
    )
    to_end = "main => main.scrollHeight - main.scrollTop - main.clientHeight"
    main = chat.page.locator("main")
    assert main.evaluate(to_end) < 2
    main.evaluate("main => { main.scrollTop = 0 }")
    server.go_on()
    server.go_on()
    chat.wait_for_answer()
    assert main.evaluate("main => main.scrollTop") == 0
