import json

import pytest

from scratchgpt.chat import read_conversations


def test_tokens_arrive_piecewise(chat, server):
    first, second = server.words("Hello there")
    server.answer = [first, "wait", second]
    chat.send("Hi")
    chat.page.wait_for_selector(".growing .text:has-text('Hello')")
    assert chat.answers() == ["Hello"]
    assert chat.page.locator("#stop").is_visible()
    server.go_on()
    chat.wait_for_answer()
    assert chat.answers() == ["Hello there"]
    assert chat.page.locator("#send").is_visible()
    assert chat.page.locator("#status").text_content() == "Hello there"


@pytest.mark.parametrize("how", ["key", "button"])
def test_stop_cancels_on_the_server_and_keeps_what_has_arrived(chat, server, how):
    server.answer = [*server.words("Hello there"), "wait", *server.words("never")]
    chat.send("Hi")
    chat.page.wait_for_selector(".growing .text:has-text('there')")
    chat.page.keyboard.press("Escape") if how == "key" else chat.press("Stop")
    assert server.canceled.acquire(timeout=30)
    chat.wait_for_answer()
    assert chat.answers() == ["Hello there"]
    assert "stopped" in chat.page.locator(".answer .note").text_content()
    assert chat.focused() == "input"
    server.answer = server.words("Yes")
    chat.ask("Still there?")
    assert server.requests[-1]["messages"][1] == {"role": "assistant", "content": "Hello there"}


def test_stopping_before_the_first_word_leaves_the_question(chat, server):
    server.answer = ["wait"]
    chat.send("Hi")
    chat.press("Stop")
    assert server.canceled.acquire(timeout=30)
    chat.wait_for_answer(0)
    server.answer = server.words("Hello")
    chat.press("Ask again")
    chat.wait_for_answer()
    assert (chat.users(), chat.answers()) == (["Hi"], ["Hello"])


def test_a_message_waits_for_the_names_of_the_models(open_chat, server):
    server.models_wait = True
    chat = open_chat()
    chat.send("Hi")
    chat.press("Stop")  # also while it waits
    chat.wait_for_answer(0)
    chat.press("Ask again")
    assert server.requests == []
    server.go_on()
    chat.wait_for_answer()
    assert [request["model"] for request in server.requests] == [server.MODEL]


def test_reload_keeps_conversation_and_settings(chat, server):
    chat.ask("Hi")
    chat.press("Settings")
    chat.page.fill("#system", "Be brief.")
    chat.page.reload()
    assert (chat.users(), chat.answers()) == (["Hi"], ["Hello there"])
    chat.page.locator(".token").first.hover()
    assert chat.details() == [["Hello", "50.0 %"]]
    chat.ask("And now?")
    assert [one["content"] for one in server.requests[-1]["messages"]] == [
        *("Be brief.", "Hi", "Hello there", "And now?")
    ]


def test_all_of_unicode_is_sent_and_shown(chat, server):
    text = "é 日本 👩‍🚀 e\u0301 \u202eabc 🏳️‍🌈"
    content = text.encode()
    # Every byte is a token, and its text arrives with the last byte of a character.
    server.answer = []
    for i in range(len(content)):
        known, before = (
            content[: i + 1].decode(errors="ignore"),
            content[:i].decode(errors="ignore"),
        )
        new = known[len(before) :]
        server.answer.append(server.piece(new, server.token(content[i : i + 1], 0.5)))
    assert chat.ask(text) == text
    assert chat.users() == [text]
    assert server.requests[0]["messages"] == [{"role": "user", "content": text}]
    spans = chat.page.locator(".token").all_text_contents()
    assert [one for one in spans if one.strip()] == [
        *("é", "日", "本", "👩‍🚀", "e\u0301", "\u202e", "a", "b", "c", "🏳️‍🌈")
    ]
    chat.page.locator(".token").nth(2).hover()  # 日
    assert chat.details() == [["\\xe6", "50.0 %"], ["\\x97", "50.0 %"], ["\\xa5", "50.0 %"]]


def test_html_typed_by_the_user_or_the_model_stays_text(chat, server):
    attack = "<img src=x onerror='window.hacked = 1'></span><script>window.hacked = 1</script>"
    server.answer = [server.piece(attack, server.token(attack, 0.5, **{attack + "!": 0.4}))]
    assert chat.ask(attack) == attack
    assert chat.users() == [attack]
    chat.page.locator(".token").hover()
    assert chat.details() == [
        [attack.replace(" ", "␣"), "50.0 %"],
        [chat.details()[1][0], "40.0 %"],
    ]
    chat.page.reload()
    assert chat.answers() == [attack]
    assert chat.page.locator("img, article script").count() == 0
    assert chat.page.evaluate("window.hacked") is None


def test_planted_scripts_and_styles_are_blocked(open_chat, server):
    planted = b"<script>window.planted = 1</script><style>body { display: none }</style>"
    planted += b"<img src='/v1/models' onerror='window.planted = 1'>"
    server.html = server.html.replace(b"<header>", planted + b"<header>")
    chat = open_chat()
    assert chat.ask("Hi") == "Hello there"
    assert chat.page.evaluate("window.planted") is None
    assert chat.page.locator("#input").is_visible()
    assert all("Content Security Policy" in error for error in chat.errors)
    for directive in ("script-src", "style-src", "img-src"):
        assert any(directive in error for error in chat.errors)
    chat.errors.clear()


def test_the_browser_refuses_strings_as_html(chat):
    with pytest.raises(Exception, match="TrustedHTML"):
        chat.page.evaluate("document.body.innerHTML = '<b>bold</b>'")
    chat.errors.clear()


def test_regenerate_asks_the_same_again(chat, server):
    chat.ask("Hi")
    server.answer = server.words("Good day")
    chat.press("Regenerate")
    chat.page.wait_for_selector(".answer .text:has-text('Good day')")
    chat.wait_for_answer()
    assert server.requests[0] == server.requests[1]
    assert chat.answers() == ["Good day"]


def test_editing_replaces_the_last_turn(chat, server):
    chat.ask("One")
    chat.ask("Two")
    chat.press("Edit")
    assert chat.page.input_value("#input") == "Two"
    chat.page.keyboard.press("Escape")
    assert chat.page.input_value("#input") == ""
    assert chat.users() == ["One", "Two"]
    chat.press("Edit")
    chat.send("Three")
    chat.page.wait_for_selector(".user:has-text('Three')")
    chat.wait_for_answer(2)
    assert chat.users() == ["One", "Three"]
    assert [one["content"] for one in server.requests[-1]["messages"]] == [
        *("One", "Hello there", "Three")
    ]


def test_a_new_conversation_forgets_the_old_one(chat, server):
    chat.ask("Hi")
    chat.page.get_by_role("button", name="New").click()
    assert chat.page.locator("article").count() == 0
    chat.page.reload()
    assert chat.page.locator("#empty").is_visible()
    chat.ask("Again")
    assert server.requests[-1]["messages"] == [{"role": "user", "content": "Again"}]


def test_settings_are_sent_and_empty_ones_are_not(chat, server):
    chat.ask("Hi")
    assert server.requests[0] == {
        "model": "tiny",
        "logprobs": True,
        "top_logprobs": 5,
        "truncation": "auto",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    chat.press("Settings")
    values = {"temperature": 0.7, "top_p": 0.95, "max_completion_tokens": 12, "seed": 0}
    for name, value in values.items():
        chat.page.fill(f"#{name}", str(value))
    chat.page.uncheck("#probabilities")
    chat.ask("Again")
    assert values.items() <= server.requests[1].items()
    assert "logprobs" not in server.requests[1]


def test_a_wrong_setting_is_shown_and_nothing_is_sent(chat, server):
    chat.press("Settings")
    chat.page.fill("#temperature", "9")
    chat.press("Close the settings")
    chat.send("Hi")
    assert chat.focused() == "temperature"
    assert not server.requests
    chat.press("Reset the settings")
    chat.press("Send")
    chat.wait_for_answer()


def test_the_download_is_a_conversation_to_train_on(chat, tmp_path):
    chat.page.click("#open-settings")
    chat.page.fill("#system", "Be brief.")
    chat.ask("<é>\n👩‍🚀")
    with chat.page.expect_download() as download:
        chat.press("Download")
    assert download.value.suggested_filename == "conversation.jsonl"
    path = tmp_path / "conversation.jsonl"
    download.value.save_as(path)
    expected = [("system", "Be brief."), ("user", "<é>\n👩‍🚀"), ("assistant", "Hello there")]
    assert read_conversations([path]) == [expected]
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert list(json.loads(line)) == ["messages"]


def test_the_page_says_which_messages_the_server_left_out(chat, server):
    chat.ask("One")
    server.usage = {"dropped_messages": 2}
    chat.ask("Two")
    before = chat.page.evaluate(
        "[...document.querySelector('.left-out').parentNode.children]"
        ".findIndex(one => one.className === 'left-out')"
    )
    assert before == 2
    chat.page.reload()
    assert chat.page.locator(".left-out").count() == 1
    server.usage = {}
    chat.press("Regenerate")
    chat.page.wait_for_selector(".left-out", state="detached")
