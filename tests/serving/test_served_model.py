"""What the server computes equals what the engine, and the functions for one call, compute."""

import itertools

import numpy as np
import pytest

from scratchgpt.chat import ChatEngine, Message
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.chat_request import parse_chat_request
from scratchgpt.serving.completion_request import parse_completion_request
from scratchgpt.serving.embedding_request import parse_embedding_request
from scratchgpt.serving.fields import Fields
from scratchgpt.serving.limits import Limits
from scratchgpt.serving.served_model import chat_work, completion_work, embedding_work


def stays():
    return False


def no_time_passes():
    return 0.0


def chat(served, messages, seconds=60, has_left=stays, clock=no_time_passes, **values):
    request = parse_chat_request(Fields({"messages": messages, **values}), Limits())
    return list(chat_work(served.engine, request, seconds, clock)(has_left))


def complete(served, **values):
    request = parse_completion_request(Fields(values), Limits())
    return list(completion_work(served.engine, request, 60)(stays))


def tokens_of(parts, choice):
    return [one.token for part in parts if part.choice == choice for one in part.piece.tokens]


def test_answers_with_a_seed_are_those_of_generate_and_of_the_engine(served, chat_model, messages):
    engine = ChatEngine(chat_model, served.engine.tokenizer)
    prompt = engine.renderer.prompt([Message(**one) for one in messages]).tokens
    parts = chat(served, messages, seed=5, n=3, max_tokens=20, temperature=0.9, top_p=0.95)
    expected = generate(
        chat_model,
        [prompt],
        max_new_tokens=20,
        sampling=SamplingConfig(temperature=0.9, top_p=0.95),
        num_samples=3,
        seed=5,
        end_of_text=engine.renderer.ends,
        vocab_size=served.engine.tokenizer.vocab_size,
    )
    for choice, one in enumerate(expected):
        n = len(one.tokens) - (one.finish_reason == "end_of_text")
        assert tokens_of(parts, choice) == one.tokens[:n].tolist()
    assert tokens_of(parts, 0) != tokens_of(parts, 1)
    pieces = engine.stream([Message(**one) for one in messages], seed=0, max_new_tokens=9)
    parts = chat(served, messages, seed=0, max_tokens=9)
    assert [part.piece.text for part in parts] == [piece.text for piece in pieces]


def test_the_second_turn_computes_only_what_is_new(served):
    first = [{"role": "user", "content": "a"}]
    parts = chat(served, first, max_tokens=3, seed=1, stop="<none>")
    assert parts[-1].piece.n_prefilled == parts[-1].piece.n_prompt
    text = "".join(part.piece.text for part in parts)
    second = [*first, {"role": "assistant", "content": text}, {"role": "user", "content": "b"}]
    last = chat(served, second, max_tokens=3, seed=1)[-1].piece
    assert last.n_prompt - last.n_prefilled >= 4  # the start, the marker, the text and its end


def test_a_conversation_that_leaves_no_room_for_an_answer_is_refused(served, tokenizer):
    block_size = served.engine.model.config.block_size
    for n_words, max_tokens, fits in ((66, None, True), (70, None, False), (70, 5, True)):
        messages = [{"role": "user", "content": "é" * n_words}]
        n_prompt = len(served.engine.renderer.prompt([Message("user", "é" * n_words)]).tokens)
        room = block_size + 1 - n_prompt
        assert (room >= min(max_tokens or block_size, block_size // 4)) == fits
        if fits:
            last = chat(served, messages, max_tokens=max_tokens)[-1].piece
            assert last.n_dropped == 0
            assert last.n_new <= room
        else:
            with pytest.raises(APIError, match="must have room") as caught:
                chat(served, messages, max_tokens=max_tokens)
            assert caught.value.code == "context_length_exceeded"
            assert caught.value.param == "messages"


def test_the_oldest_turns_are_left_out_if_the_request_asks_for_it(served):
    texts = ["é" * 20, "ok", "é" * 20, "ok", "é" * 20]
    roles = ["user", "assistant"] * 3
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    last = chat(served, messages, truncation="auto", temperature=0)[-1].piece
    assert last.n_dropped > 0
    assert last.n_prompt + last.n_new <= served.engine.model.config.block_size + 1
    rest = chat(served, messages[last.n_dropped :], temperature=0)[-1].piece
    assert (rest.n_prompt, rest.n_new, rest.n_dropped) == (last.n_prompt, last.n_new, 0)
    with pytest.raises(APIError, match="the last message") as caught:
        chat(served, [{"role": "user", "content": "é" * 99}], truncation="auto")
    assert caught.value.code == "context_length_exceeded"


def test_an_answer_ends_when_its_time_is_over_or_its_client_has_left(served, messages):
    ticks = itertools.count()
    parts = chat(served, messages, 10, clock=ticks.__next__, max_tokens=50, seed=1)
    assert parts[-1].piece.finish_reason == "canceled"
    assert 1 < len(parts) <= 10
    calls = itertools.count()
    parts = chat(served, messages, has_left=lambda: next(calls) > 3, max_tokens=50, seed=1)
    assert parts[-1].piece.finish_reason == "canceled"
    assert len(parts) == 5


def test_prompts_are_continued_one_after_the_other(served, served_text):
    for model in (served, served_text):
        parts = complete(model, prompt=["the", ""], n=2, max_tokens=4, seed=3)
        assert sorted({part.choice for part in parts}) == [0, 1, 2, 3]
        assert [part.choice for part in parts] == sorted(part.choice for part in parts)
    ids = served.engine.tokenizer.encode("the").tolist()
    by_ids = complete(served, prompt=[ids], n=2, max_tokens=4, seed=3)
    by_text = complete(served, prompt="the", n=2, max_tokens=4, seed=3)
    for choice in range(2):
        assert tokens_of(by_ids, choice) == tokens_of(by_text, choice)


def test_a_prompt_that_is_too_long_is_refused_and_its_continuation_is_limited(served_text):
    with pytest.raises(APIError) as caught:
        complete(served_text, prompt=[1] * 40)
    assert caught.value.code == "context_length_exceeded"
    last = complete(served_text, prompt=[1] * 30, max_tokens=1000, temperature=0)[-1].piece
    assert last.n_new <= 3


def test_embeddings_are_those_of_the_encoder(served_vectors, encoder):
    texts = ["the", "", "é"] * 7
    request = parse_embedding_request(Fields({"input": texts, "dimensions": 4}), Limits(), 8)
    work, n_tokens = embedding_work(encoder, request, 60)
    vectors = np.concatenate(list(work(stays)))
    expected = encoder.encode_document(texts, truncate_dim=4, normalize_embeddings=True)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert n_tokens == sum(encoder.count_tokens(texts))
    with pytest.raises(APIError, match="take longer"):
        list(work(lambda: True))
    long = parse_embedding_request(Fields({"input": ["a", "é" * 99]}), Limits(), 8)
    with pytest.raises(APIError, match="text 2 of the input has") as caught:
        embedding_work(encoder, long, 60)
    assert caught.value.code == "context_length_exceeded"


def test_each_kind_of_model_says_what_it_cannot_do(served, served_text, served_vectors):
    assert served.has_chat
    assert not served_text.has_chat
    with pytest.raises(APIError, match="has no known format of conversations; use /v1/completions"):
        served_text.chat_model()
    for model in (served, served_text):
        with pytest.raises(APIError, match="has no embeddings"):
            model.text_encoder()
    for function in (served_vectors.chat_model, served_vectors.language_model):
        with pytest.raises(APIError, match="an encoder of texts; use /v1/embeddings"):
            function()
    lengths = [m.describe()["max_model_len"] for m in (served, served_text, served_vectors)]
    assert lengths == [96, 32, 32]
