"""The interface over ASGI: limits, streams, waiting, clients that leave, and the end."""

import asyncio
import itertools
import threading

import numpy as np
import pytest

from scratchgpt.serving import Limits

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"


def answer_of(reply):
    assert reply.status == 200, reply.body
    return reply.json["choices"][0]


def test_the_model_is_listed(ask, service):
    [model] = ask(service, "GET", "/v1/models").json["data"]
    assert (model["id"], model["object"], model["owned_by"]) == ("tiny", "model", "scratchgpt")
    assert ask(service, "GET", "/v1/models/tiny").json == model
    assert ask(service, "GET", "/health").json == {"status": "ok", "waiting": 0}


def test_the_page_has_its_policy_and_other_models_have_none(
    ask, service, make_service, served_text
):
    page = ask(service, "GET", "/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (
        ask(make_service(served_text), "GET", "/").headers["content-type"].startswith("text/plain")
    )


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_a_stream_joined_equals_the_whole(ask, service, messages, path):
    body = {"messages": messages, "prompt": "é", "max_tokens": 30, "seed": 7, "n": 2}
    whole = ask(service, "POST", path, body).json
    events = ask(service, "POST", path, {**body, "stream": True}).events
    assert events.pop() == "[DONE]"
    for choice in whole["choices"]:
        own = [
            one for event in events for one in event["choices"] if one["index"] == choice["index"]
        ]
        texts = [
            one["text"] if path == COMPLETIONS else one["delta"].get("content", "") for one in own
        ]
        text = choice["text"] if path == COMPLETIONS else choice["message"]["content"]
        assert "".join(texts) == text
        assert [one["finish_reason"] for one in own[:-1]] == [None] * (len(own) - 1)
        assert own[-1]["finish_reason"] == choice["finish_reason"]


def test_a_stream_is_not_stored_or_buffered(ask, service, messages):
    body = {"messages": messages, "max_tokens": 1, "stream": True}
    headers = ask(service, "POST", CHAT, body).headers
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"


def test_a_stop_string_is_not_part_of_the_answer(ask, service, messages):
    body = {"messages": messages, "max_tokens": 40, "seed": 3}
    text = answer_of(ask(service, "POST", CHAT, body))["message"]["content"]
    stop = next(one for one in text[5:] if one.isascii() and one not in text[:5])
    choice = answer_of(ask(service, "POST", CHAT, {**body, "stop": [stop, "<none>"]}))
    assert choice["message"]["content"] == text[: text.index(stop)]
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 5e-324},
        {"temperature": 1e-40, "top_p": 0.5},
        {"top_p": 0},
        {"top_p": 1e-300},
    ],
)
def test_extreme_sampling_is_greedy(ask, service, messages, options):
    body = {"messages": messages, "max_tokens": 5}
    greedy = answer_of(ask(service, "POST", CHAT, {**body, "temperature": 0}))
    assert answer_of(ask(service, "POST", CHAT, {**body, **options})) == greedy


def test_the_limits_of_a_request(ask, make_service, served, messages):
    limits = Limits(body_bytes=2000, messages=2, choices=2)
    service = make_service(served, limits=limits)
    assert ask(service, "POST", CHAT, {"messages": messages, "n": 3}).error["param"] == "n"
    assert ask(service, "POST", CHAT, {"messages": messages * 3}).error["param"] == "messages"
    reply = ask(service, "POST", CHAT, chunks=itertools.repeat(b"x" * 100))
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert ask(service, "POST", CHAT, b"{", content_length="2001").status == 413


def test_a_model_answers_only_what_it_can(ask, make_service, served_text, served_vectors, messages):
    plain, vectors = make_service(served_text), make_service(served_vectors)
    for service, path in (
        (plain, CHAT),
        (plain, EMBEDDINGS),
        (vectors, CHAT),
        (vectors, COMPLETIONS),
    ):
        body = {"messages": messages, "prompt": "a", "input": "a"}
        reply = ask(service, "POST", path, body)
        assert (reply.status, reply.error["code"]) == (400, "unsupported_model")
    assert answer_of(ask(plain, "POST", COMPLETIONS, {"prompt": "the"}))["text"]
    assert ask(plain, "POST", COMPLETIONS, {"prompt": [999]}).status == 400


def test_embeddings(ask, make_service, served_vectors, encoder):
    service = make_service(served_vectors)
    body = {"input": ["the", "é"], "dimensions": 4, "input_type": "query"}
    reply = ask(service, "POST", EMBEDDINGS, body).json
    expected = encoder.encode_query(["the", "é"], truncate_dim=4, normalize_embeddings=True)
    np.testing.assert_allclose([one["embedding"] for one in reply["data"]], expected, atol=1e-6)
    assert ask(service, "POST", EMBEDDINGS, {"input": "é" * 999}).status == 400


class Held:
    """Holds the model at its first token until the test releases it."""

    def __init__(self, monkeypatch, service):
        self.started, self.released = threading.Event(), threading.Event()
        self.begun = []  # the prompts, in the order in which they were computed
        engine = service.model.engine
        begin = engine._decoding.begin

        def held(tokens):
            self.begun.append(engine.tokenizer.decode(tokens))
            self.started.set()
            self.released.wait()
            return begin(tokens)

        monkeypatch.setattr(engine._decoding, "begin", held)


@pytest.fixture
def held(monkeypatch, service):
    held = Held(monkeypatch, service)
    yield held
    held.released.set()


def chat_body(text, **options):
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 3, **options}


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


def test_requests_are_answered_in_the_order_of_their_arrival(request_of, service, held):
    async def run():
        tasks = []
        for number in range(12):
            stream = bool(number % 2)
            body = chat_body(f"{number:02}", stream=stream)
            tasks.append(asyncio.create_task(request_of(service, "POST", CHAT, body)))
            await until(held.started.is_set)
            await until(lambda number=number: service.worker.n_waiting == number)
        held.released.set()
        return await asyncio.gather(*tasks)

    replies = asyncio.run(run())
    assert {reply.status for reply in replies} == {200}
    assert held.begun == [f"{number:02}" for number in range(12)]


def test_a_waiting_stream_gets_comments(request_of, make_service, served, monkeypatch):
    service = make_service(served, heartbeat=0.001)
    held = Held(monkeypatch, service)

    async def run():
        first = asyncio.create_task(request_of(service, "POST", CHAT, chat_body("a")))
        await until(held.started.is_set)
        body = chat_body("b", stream=True)
        sent = []
        second = asyncio.create_task(request_of(service, "POST", CHAT, body, sent=sent))
        await until(lambda: any(b": waiting" in part.get("body", b"") for part in sent))
        held.released.set()
        return await asyncio.gather(first, second)

    _, reply = asyncio.run(run())
    assert b": waiting, 1 before this request\n\n" in reply.body
    assert reply.events[-1] == "[DONE]"


@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_ends_when_its_client_leaves(request_of, service, held, stream):
    async def run():
        leave = asyncio.Event()
        body = chat_body("a", stream=stream, max_tokens=50)
        running = asyncio.create_task(request_of(service, "POST", CHAT, body, leave=leave))
        await until(held.started.is_set)
        waiting = asyncio.create_task(request_of(service, "POST", CHAT, body, leave=leave))
        await until(lambda: service.worker.n_waiting)
        leave.set()
        await asyncio.gather(running, waiting)
        assert service.worker.n_waiting == 0
        held.released.set()
        return await request_of(service, "POST", CHAT, chat_body("b"))

    assert asyncio.run(run()).status == 200
    assert held.begun == ["a", "b"]


def test_a_full_queue_is_told_before_anything_is_sent(
    request_of, make_service, served, monkeypatch
):
    service = make_service(served, limits=Limits(waiting=1))
    held = Held(monkeypatch, service)

    async def run():
        tasks = []
        for _ in range(2):
            body = chat_body("a", stream=True)
            tasks.append(asyncio.create_task(request_of(service, "POST", CHAT, body)))
            await until(held.started.is_set)
        await until(lambda: service.worker.n_waiting)
        reply = await request_of(service, "POST", CHAT, chat_body("a", stream=True))
        held.released.set()
        await asyncio.gather(*tasks)
        return reply

    reply = asyncio.run(run())
    assert (reply.status, reply.error["code"]) == (429, "queue_full")
    assert reply.headers["retry-after"] == "1"


def test_the_end_of_the_server_interrupts_answers_with_an_error(request_of, service, held):
    async def run():
        tasks = [
            asyncio.create_task(request_of(service, "POST", CHAT, chat_body("a", stream=stream)))
            for stream in (False, True)
        ]
        await until(held.started.is_set)
        await until(lambda: service.worker.n_waiting)
        service.stop()
        held.released.set()
        return await asyncio.gather(*tasks)

    whole, stream = asyncio.run(run())
    assert (whole.status, whole.headers["x-should-retry"]) == (503, "false")
    [event] = stream.events
    assert event["error"]["code"] == "server_stopping"


def test_an_error_within_a_stream_is_an_event(ask, make_service, served, monkeypatch, messages):
    failures = []
    service = make_service(served, on_failure=failures.append)
    advance, calls = served.engine._decoding.advance, itertools.count()
    monkeypatch.setattr(
        served.engine._decoding,
        "advance",
        lambda token: advance(token) if not next(calls) else 1 / 0,
    )
    reply = ask(service, "POST", CHAT, {"messages": messages, "stream": True, "seed": 1})
    *chunks, error = reply.events
    assert reply.status == 200
    assert chunks
    assert error["error"]["type"] == "server_error"
    assert len(failures) == 1
    reply = ask(service, "POST", CHAT, {"messages": messages, "seed": 1})
    assert (reply.status, reply.headers["x-should-retry"]) == (500, "false")
