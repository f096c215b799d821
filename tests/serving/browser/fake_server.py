"""A server that speaks as much of the API as the chat page needs, and says what a test tells it."""

import asyncio
import json
import math
import socket
import threading
from collections.abc import Iterable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from scratchgpt.serving.page import page


class FakeServer:
    """Serves the page, and answers with ``self.answer``.

    Attributes
    ----------
    answer : list
        Pieces; ``"wait"`` waits until the test calls :meth:`go_on`; a dictionary with ``error``
        ends the answer with that error; ``"break"`` closes the connection.
    finish_reason : str
    html : bytes
        The page.
    api_key : str
        The key that each request must have, if it is not empty.
    models_wait : bool
        The names of the models wait until the test calls :meth:`go_on`.
    refusals : list of (int, dict or None)
        Status and error of the answers to the next requests; None is an answer that is not JSON.
    usage : dict
        More fields of the usage.
    requests : list of dict
        The bodies of the requests for an answer.
    canceled : threading.Semaphore
        Released for each answer whose client went away.
    """

    MODEL = "tiny"

    def __init__(self) -> None:
        routes = [
            Route("/", self._page),
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
        ]
        # At the end, an answer that still waits is canceled: a tab may have left it open.
        config = uvicorn.Config(
            Starlette(routes=routes), log_level="error", ws="none", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self.reset()

    def reset(self) -> None:
        """Forget what the previous test did."""
        self.answer: Iterable = self.words("Hello there")
        self.finish_reason = "stop"
        self.models_wait = False
        self.refusals: list[tuple[int, dict | None]] = []
        self.usage: dict = {}
        self.api_key = ""
        self.requests: list[dict] = []
        self.html = page().html
        self._may_go_on = threading.Semaphore(0)
        self.canceled = threading.Semaphore(0)

    def go_on(self) -> None:
        """Let what waits go on."""
        self._may_go_on.release()

    def __enter__(self) -> "FakeServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    @staticmethod
    def token(text: str | bytes, probability: float, **others: float) -> dict:
        """One entry of ``logprobs.content``; ``others`` are other tokens."""
        content = text if isinstance(text, bytes) else text.encode()
        top = [(content, probability), *((name.encode(), p) for name, p in others.items())]
        entries = [_entry(*one) for one in sorted(top, key=lambda one: -one[1])]
        return {**_entry(content, probability), "top_logprobs": entries}

    @staticmethod
    def piece(text: str, *tokens: dict) -> dict:
        """A chunk of an answer."""
        return {"text": text, "tokens": list(tokens)}

    def words(self, text: str) -> list[dict]:
        """The chunks of an answer, a word each, of probability one half."""
        first, *others = text.split(" ")
        parts = [first, *(f" {word}" for word in others)]
        return [self.piece(part, self.token(part, 0.5)) for part in parts]

    async def _page(self, request: Request) -> Response:
        headers = {"Content-Security-Policy": page().csp}
        return Response(self.html, media_type="text/html", headers=headers)

    async def _models(self, request: Request) -> Response:
        if self._has_no_key(request):
            return _error(401, message="The server needs an API key; send it", code=None)
        if self.models_wait:
            await self._wait()
        return JSONResponse({"object": "list", "data": [{"id": self.MODEL, "object": "model"}]})

    async def _chat(self, request: Request) -> Response:
        if self._has_no_key(request):
            return _error(401, message="The server needs an API key; send it", code=None)
        self.requests.append(await request.json())
        if self.refusals:
            status, error = self.refusals.pop(0)
            return _error(status, **error) if error else Response("no JSON", status)
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    def _has_no_key(self, request: Request) -> bool:
        expected = f"Bearer {self.api_key}"
        return bool(self.api_key) and request.headers.get("Authorization") != expected

    async def _wait(self) -> None:
        while not self._may_go_on.acquire(blocking=False):
            await asyncio.sleep(0.005)

    async def _stream(self):
        n_tokens = 0
        try:
            yield ": waiting\n\n"
            yield _event(choices=[_choice({"role": "assistant", "content": ""})])
            for one in self.answer:
                if one == "wait":
                    await self._wait()
                elif one == "break":
                    return
                elif "error" in one:
                    yield _event(**one)
                    return
                else:
                    n_tokens += len(one["tokens"])
                    logprobs = {"content": one["tokens"]} if one["tokens"] else None
                    yield _event(choices=[_choice({"content": one["text"]}, logprobs)])
            yield _event(choices=[_choice({}, None, self.finish_reason)])
            yield _event(choices=[], usage={"completion_tokens": n_tokens, **self.usage})
            yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.canceled.release()
            raise


def _entry(content: bytes, probability: float) -> dict:
    text = content.decode(errors="replace")
    return {"token": text, "logprob": math.log(probability), "bytes": list(content)}


def _choice(delta: dict, logprobs: dict | None = None, finish_reason: str | None = None) -> dict:
    return {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}


def _event(**fields: object) -> str:
    return f"data: {json.dumps(fields)}\n\n"


def _error(status: int, **error: object) -> Response:
    return JSONResponse({"error": error}, status_code=status)
