"""The page and the real server together."""

import math

import pytest

from scratchgpt.serving import ServedModel


@pytest.fixture
def real_chat(open_chat, server, run_server, chat_model, tokenizer):
    with run_server(ServedModel.of_text("tiny", chat_model, tokenizer)) as (url, _):
        yield open_chat(url=url)


def test_a_conversation_with_the_server(real_chat, messages):
    chat = real_chat
    settings = {"temperature": 1, "max_completion_tokens": 12, "seed": 3}
    chat.page.click("#open-settings")
    for name, value in settings.items():
        chat.page.fill(f"#{name}", str(value))
    answer = chat.ask(messages[0]["content"])
    asked = {"messages": messages, **settings, "logprobs": True, "top_logprobs": 5}
    reply = chat.page.request.post(f"{chat.origin}/v1/chat/completions", data=asked)
    [choice] = reply.json()["choices"]
    assert answer == choice["message"]["content"]
    # The weights are random, so characters may be broken or consist of several tokens.
    assert "".join(chat.page.locator(".token").all_text_contents()) == answer
    expected = []
    for one in choice["logprobs"]["content"]:
        listed = list(one["top_logprobs"])
        if one["bytes"] not in [entry["bytes"] for entry in listed]:
            listed.append(one)
        expected += [100 * math.exp(entry["logprob"]) for entry in listed]
    found = []
    for token in chat.page.locator(".token").all():
        token.focus()
        found += [float(row[1].strip("<% ")) for row in chat.details()]
    assert found == pytest.approx(expected, abs=0.051)
    chat.page.keyboard.press("Escape")
    for _ in range(3):
        chat.ask("é" * 20)
    assert chat.page.locator(".left-out").count() == 1


def test_an_error_of_the_server_is_shown(real_chat):
    real_chat.send("é" * 500)
    real_chat.page.wait_for_selector("#problem:visible")
    words = real_chat.page.locator("#problem p").text_content()
    assert words.startswith("The last message and the system message take")
    real_chat.errors.clear()
