"""The client of OpenAI, sync and async, against a server on a free port."""

import asyncio
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.serving import ServedModel


@pytest.fixture
def client(openai, chat_server):
    with openai.OpenAI(base_url=f"{chat_server}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def create(client, messages):
    """``create(**options)`` asks for an answer."""

    def create(**options):
        given = {"model": "tiny", "messages": messages, "max_tokens": 12, "seed": 5}
        return client.chat.completions.create(**{**given, **options})

    return create


def test_models(client, openai):
    [model] = client.models.list().data
    assert model.id == "tiny"
    assert client.models.retrieve("tiny") == model
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-4o")
    assert caught.value.code == "model_not_found"


def test_a_chat_has_its_text_reason_and_usage(create):
    answer = create()
    [choice] = answer.choices
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.finish_reason in ("stop", "length")
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens <= 12
    assert usage.prompt_tokens_details.cached_tokens <= usage.prompt_tokens
    assert create().choices[0].message.content == choice.message.content
    assert create(seed=6).choices[0].message.content != choice.message.content
    assert create(temperature=0).choices == create(temperature=0, seed=1).choices


def test_several_answers_stream_as_they_would_arrive_whole(create):
    whole = create(n=2)
    chunks = list(create(n=2, stream=True, stream_options={"include_usage": True}))
    assert len({chunk.id for chunk in chunks}) == 1
    last = chunks.pop()
    assert last.choices == []
    assert last.usage.total_tokens == whole.usage.total_tokens
    texts, reasons = {0: "", 1: ""}, {}
    for chunk in chunks:
        assert chunk.usage is None
        [choice] = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        assert choice.index not in reasons
        if choice.finish_reason is not None:
            reasons[choice.index] = choice.finish_reason
    for choice in whole.choices:
        assert texts[choice.index] == choice.message.content
        assert reasons[choice.index] == choice.finish_reason
    assert texts[0] != texts[1]


def a_stop_in(text):
    """A character that is in the text but not at its start."""
    return next(one for one in text[5:] if one.isascii() and one not in text[:5])


def test_the_helper_for_streams_collects_the_answer(client, create, messages):
    """It checks the shape of each chunk, and wants an answer that is complete."""
    stop = a_stop_in(create(max_tokens=40).choices[0].message.content)
    options = {"model": "tiny", "messages": messages, "max_tokens": 40, "seed": 5, "stop": stop}
    whole = client.chat.completions.create(**options)
    with client.chat.completions.stream(**options) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert text == final.choices[0].message.content == whole.choices[0].message.content


def test_stop_strings(create):
    text = create(max_tokens=40).choices[0].message.content
    stop = a_stop_in(text)
    for given in (stop, [stop, "<none>"]):
        [choice] = create(max_tokens=40, stop=given).choices
        assert choice.message.content == text[: text.index(stop)]
        assert choice.finish_reason == "stop"


def test_log_probabilities(create):
    [choice] = create(logprobs=True, top_logprobs=3).choices
    entries = choice.logprobs.content
    assert b"".join(bytes(e.bytes) for e in entries).decode("utf-8", "replace") == (
        choice.message.content
    )
    for entry in entries:
        top = [one.logprob for one in entry.top_logprobs]
        assert len(top) == 3
        assert top == sorted(top, reverse=True)
        assert entry.logprob <= top[0] <= 0
    streamed = create(logprobs=True, top_logprobs=3, stream=True)
    logprobs = [choice.logprobs for chunk in streamed for choice in chunk.choices]
    assert [e for one in logprobs if one for e in one.content] == entries


def test_completions_in_both_kinds_of_prompts(client, tokenizer):
    options = {"model": "tiny", "max_tokens": 9, "seed": 5, "logprobs": 2}
    whole = client.completions.create(prompt=["the", "é"], n=2, **options)
    assert [choice.index for choice in whole.choices] == [0, 1, 2, 3]
    for choice in whole.choices:
        log_probs = choice.logprobs
        assert len(log_probs.tokens) == len(log_probs.text_offset) <= 9
        assert all(len(top) in (2, 3) for top in log_probs.top_logprobs)
    ids = tokenizer.encode("the").tolist()
    chunks = list(client.completions.create(prompt=ids, stream=True, **options))
    assert "".join(c.text for chunk in chunks for c in chunk.choices) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert client.completions.create(prompt="", model="tiny").usage.prompt_tokens == 1


def test_errors_are_the_clients_own_kinds(openai, create, client, chat_server):
    for options, kind, code in (
        ({"model": "gpt-4o"}, openai.NotFoundError, "model_not_found"),
        ({"temperature": 3}, openai.BadRequestError, None),
        ({"tools": [{"type": "function"}]}, openai.BadRequestError, "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": "é" * 200}]}, openai.BadRequestError, "context"),
    ):
        with pytest.raises(kind) as caught:
            create(**options)
        expected = "context_length_exceeded" if code == "context" else code
        assert caught.value.code == expected
        assert caught.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError, match="has no embeddings"):
        client.embeddings.create(model="tiny", input="a")


def test_embeddings_in_both_encodings(openai, run_server, encoder):
    """The client asks for base64 by default, and decodes it."""
    with (
        run_server(ServedModel.of_vectors("vectors", encoder)) as (url, _),
        openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
    ):
        create = client.embeddings.create
        coded = create(model="vectors", input=["the", "é"])
        plain = create(model="vectors", input=["the", "é"], encoding_format="float")
        [short] = create(model="vectors", input="the", dimensions=4).data
        query = create(model="vectors", input="the", extra_body={"input_type": "query"})
    expected = encoder.encode_document(["the", "é"])
    for reply in (coded, plain):
        np.testing.assert_allclose([one.embedding for one in reply.data], expected, atol=1e-6)
    assert len(short.embedding) == 4
    assert coded.usage.total_tokens == sum(encoder.count_tokens(["the", "é"]))
    assert query.data[0].embedding != coded.data[0].embedding


def test_the_async_client_streams_and_several_requests_wait_for_each_other(
    openai, chat_server, messages
):
    options = {"model": "tiny", "messages": messages, "max_tokens": 12}

    async def streamed(client, seed):
        stream = await client.chat.completions.create(stream=True, seed=seed, **options)
        return "".join([c.choices[0].delta.content or "" async for c in stream])

    async def whole(client, seed):
        answer = await client.chat.completions.create(seed=seed, **options)
        return answer.choices[0].message.content

    async def run():
        url = f"{chat_server}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            assert [model.id async for model in client.models.list()] == ["tiny"]
            return await asyncio.gather(
                *(one(client, seed) for seed in range(4) for one in (streamed, whole))
            )

    texts = asyncio.run(run())
    assert texts[::2] == texts[1::2]
    assert len(set(texts)) == 4


def test_a_client_that_stops_reading_ends_the_answer(openai, run_server, served, messages):
    with run_server(served) as (url, service):
        with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
            options = {"model": "tiny", "messages": messages}
            stream = client.chat.completions.create(stream=True, n=8, **options)
            next(iter(stream))
            stream.close()
            answer = client.chat.completions.create(max_tokens=1, **options)
        assert answer.usage.completion_tokens == 1
        assert service.worker.n_waiting == 0


def test_the_example_of_the_guide_runs(openai, chat_server, create, monkeypatch, capsys):
    path = Path(__file__).parents[2] / "examples" / "openai_client.py"
    monkeypatch.setattr(sys, "argv", [str(path), f"{chat_server}/v1"])
    example = runpy.run_path(str(path))
    example["client"].close()
    question = [{"role": "user", "content": "Who are you?"}]
    answer = create(messages=question, temperature=0, max_tokens=40)
    assert capsys.readouterr().out == answer.choices[0].message.content + "\n"
