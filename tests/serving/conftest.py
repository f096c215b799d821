"""Small models with random weights, an ASGI client, and servers on free ports."""

import asyncio
import contextlib
import json
import threading
from typing import NamedTuple

import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat import add_markers
from scratchgpt.embeddings import TextEncoder, add_roles
from scratchgpt.models import GPT, GPTConfig, GPTEncoder, GPTEncoderConfig
from scratchgpt.serving import ServedModel, Service, bind, make_access, url_of
from scratchgpt.serving.server import make_server
from scratchgpt.text import train_bpe

TEXT = "the user asks, the assistant answers <|end|> é 日本 👩‍🚀 " * 9
WAIT = 60  # seconds, for what happens at once unless something is broken


def random_model(tokenizer, block_size, seed=1):
    """A GPT with weights of ordinary size, whose answers depend on the conversation."""
    sizes = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": block_size}
    model = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size))
    for name, value in model.arrays().items():
        if "ln_" not in name:
            value[...] = 0.5 * random_stream(seed, name).standard_normal(value.shape)
    return model


@pytest.fixture(scope="session")
def tokenizer():
    return add_markers(train_bpe([TEXT], 300))


@pytest.fixture(scope="session")
def chat_model(tokenizer):
    return random_model(tokenizer, 96)


@pytest.fixture
def served(chat_model, tokenizer):
    """A model that answers chats."""
    return ServedModel.of_text("tiny", chat_model, tokenizer)


@pytest.fixture
def served_text():
    """A model without the tokens of conversations."""
    tokenizer = train_bpe([TEXT], 280)
    return ServedModel.of_text("plain", random_model(tokenizer, 32), tokenizer)


@pytest.fixture(scope="session")
def encoder():
    tokenizer = add_roles(train_bpe([TEXT], 280))
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 32}
    config = GPTEncoderConfig(**sizes, vocab_size=tokenizer.vocab_size)
    return TextEncoder(GPTEncoder(config), tokenizer)


@pytest.fixture
def served_vectors(encoder):
    return ServedModel.of_vectors("vectors", encoder)


@pytest.fixture
def make_service():
    """``make_service(served, **options)`` makes a service, which is closed after the test."""
    made = []

    def make(served, access=None, **options):
        options.setdefault("on_failure", failures.append)
        made.append(Service(served, access or make_access("127.0.0.1"), **options))
        return made[-1]

    failures = []
    yield make
    for service in made:
        service.close()
    assert failures == []


@pytest.fixture
def service(make_service, served):
    return make_service(served)


class Reply(NamedTuple):
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def events(self):
        """The objects of a stream; comments are left out, and the last is the end."""
        lines = self.body.decode().split("\n\n")
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in data]


HEADERS = {"host": "127.0.0.1:8000", "content-type": "application/json"}


async def request_asgi(
    app, method, path, content=None, *, chunks=None, leave=None, sent=None, **headers
):
    """Send a request to an ASGI application, and return its reply.

    Parameters
    ----------
    content : object
        The JSON body; bytes are sent unchanged.
    chunks : iterable of bytes, optional
        The body in pieces.
    leave : asyncio.Event, optional
        The client closes the connection when this is set.
    sent : list, optional
        Gets the messages of the application as they are sent.
    headers : str or None
        With underscores for hyphens; None removes a header.
    """
    if chunks is None:
        is_raw = content is None or isinstance(content, bytes)
        chunks = [content or b"" if is_raw else json.dumps(content).encode()]
    chunks = iter(chunks)
    given = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(k.encode(), v.encode()) for k, v in given.items() if v is not None],
    }
    leave = leave or asyncio.Event()
    parts = [] if sent is None else sent

    async def receive():
        for chunk in chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        if not receive.is_whole:
            receive.is_whole = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        parts.append(message)

    receive.is_whole = False
    await app(scope, receive, send)
    if not parts:
        return None
    replied = {name.decode(): value.decode() for name, value in parts[0]["headers"]}
    return Reply(parts[0]["status"], replied, b"".join(part["body"] for part in parts[1:]))


@pytest.fixture(scope="session")
def request_of():
    return request_asgi


@pytest.fixture(scope="session")
def ask():
    """``ask(service, "POST", path, body, host="evil")`` returns the reply."""
    return lambda *arguments, **options: asyncio.run(request_asgi(*arguments, **options))


@pytest.fixture(scope="session")
def wait():
    return WAIT


@contextlib.contextmanager
def running(served, **options):
    """Run a server in a thread; yields its address and its service."""
    listener = bind("127.0.0.1", 0)
    failures = []
    service = Service(served, make_access("127.0.0.1"), on_failure=failures.append, **options)
    ready = threading.Event()
    server = make_server(service, ready.set)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    assert ready.wait(WAIT)
    try:
        yield url_of(listener), service
    finally:
        server.should_exit = True
        thread.join(WAIT)
        service.close()
        listener.close()
    assert not thread.is_alive()
    assert failures == []


@pytest.fixture(scope="session")
def run_server():
    return running


@pytest.fixture(scope="session")
def chat_server(chat_model, tokenizer):
    """The address of a server of the chat model."""
    with running(ServedModel.of_text("tiny", chat_model, tokenizer)) as (url, _):
        yield url


USER = [{"role": "user", "content": "the user asks"}]


@pytest.fixture(scope="session")
def messages():
    return USER
