"""The application: OpenAI's interface for one model."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat import ChatEngine
from scratchgpt.errors import UserError
from scratchgpt.serving.access import Access
from scratchgpt.serving.answers import Answers, ChatAnswers, CompletionAnswers, Part
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.chat_request import ChatRequest, parse_chat_request
from scratchgpt.serving.completion_request import CompletionRequest, parse_completion_request
from scratchgpt.serving.embedding_request import embedding_answer, parse_embedding_request
from scratchgpt.serving.fields import Fields, parse_body
from scratchgpt.serving.generation_fields import check_model, unknown_model
from scratchgpt.serving.guard import Application, guarded
from scratchgpt.serving.http import (
    Receive,
    Scope,
    Send,
    event,
    read_body,
    send_bytes,
    send_events,
    send_json,
    unless_client_leaves,
)
from scratchgpt.serving.limits import Limits
from scratchgpt.serving.page import page
from scratchgpt.serving.served_model import (
    ServedModel,
    chat_work,
    completion_work,
    embedding_work,
)
from scratchgpt.serving.worker import Job, OnFailure, Work, Worker

Result = TypeVar("Result")

HEARTBEAT = 10.0  # seconds without news after which a waiting client gets a comment


class Service:
    """Answers the requests for one model; an ASGI application.

    Answers are computed one at a time, in the order of the requests. Requests are checked in a
    thread before they wait, so that a wrong one gets its error at once.

    Parameters
    ----------
    model : ServedModel
    access : Access
    limits : Limits, optional
    on_failure : callable, optional
        Called with each error that is not the client's.
    heartbeat : float
        Seconds.
    """

    def __init__(
        self,
        model: ServedModel,
        access: Access,
        limits: Limits | None = None,
        *,
        on_failure: OnFailure | None = None,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self.model = model
        self.limits = limits or Limits()
        self._on_failure = on_failure or (lambda error: None)
        self._heartbeat = heartbeat
        self.worker = Worker(self.limits.waiting, self._on_failure)
        self._checks = ThreadPoolExecutor(1, "scratchgpt-checks")
        self._application = guarded(self._router(), access, self.limits, self._on_failure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)

    def stop(self) -> None:
        """Interrupt all answers with an error; accept no other request."""
        self.worker.stop()

    def close(self) -> None:
        """Stop, and wait until all threads have ended."""
        self.worker.close()
        self._checks.shutdown()

    def _router(self) -> Application:
        from starlette.routing import Route, Router

        endpoints: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "/", self._home),
            ("GET", "/health", self._health),
            ("GET", "/v1/models", self._models),
            ("GET", "/v1/models/{name}", self._one_model),
            ("POST", "/v1/chat/completions", self._chat),
            ("POST", "/v1/completions", self._complete),
            ("POST", "/v1/embeddings", self._embed),
        ]
        routes = [Route(path, _Endpoint(function, method)) for method, path, function in endpoints]
        return Router(routes, redirect_slashes=False, default=_not_found)

    async def _home(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.model.has_chat:
            text = f"scratchgpt serves the model {self.model.name!r} at /v1; it has no chat page\n"
            await send_bytes(send, text.encode(), b"text/plain; charset=utf-8")
            return
        html, policy = page()
        headers = [(b"content-security-policy", policy.encode("ascii"))]
        await send_bytes(send, html, b"text/html; charset=utf-8", headers=headers)

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_json(send, {"status": "ok", "waiting": self.worker.n_waiting})

    async def _models(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_json(send, {"object": "list", "data": [self.model.describe()]})

    async def _one_model(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path_params"]["name"]
        if name != self.model.name:
            raise unknown_model(name, self.model.name)
        await send_json(send, self.model.describe())

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = await self._fields(scope, receive)
        engine = self.model.chat_model()
        request = parse_chat_request(fields, self.limits)
        await self._generate(chat_work, engine, request, ChatAnswers, receive, send)

    async def _complete(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = await self._fields(scope, receive)
        engine = self.model.language_model()
        request = parse_completion_request(fields, self.limits)
        await self._generate(completion_work, engine, request, CompletionAnswers, receive, send)

    async def _embed(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = await self._fields(scope, receive)
        encoder = self.model.text_encoder()
        request = parse_embedding_request(fields, self.limits, encoder.dim)
        work, n_tokens = await self._check(
            embedding_work, encoder, request, self.limits.answer_seconds
        )
        job = self.worker.submit(work)
        try:
            vectors = await unless_client_leaves(receive, _all_vectors(job))
        finally:
            job.cancel()
        await send_json(send, embedding_answer(vectors, request, self.model.name, n_tokens))

    async def _fields(self, scope: Scope, receive: Receive) -> Fields:
        fields = parse_body(await read_body(scope, receive, self.limits))
        check_model(fields, self.model.name)
        return fields

    async def _check(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in the thread of checks, one at a time and in order."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._checks, lambda: function(*arguments))
        except UserError as error:  # such as a character that is not in the vocabulary
            raise APIError(str(error)) from None

    async def _generate(
        self,
        make_work: Callable[..., Work[Part]],
        engine: ChatEngine,
        request: ChatRequest | CompletionRequest,
        shape: type[Answers],
        receive: Receive,
        send: Send,
    ) -> None:
        """Compute answers; the computation ends when the client leaves."""
        work = await self._check(make_work, engine, request, self.limits.answer_seconds)
        options = request.options
        with_log_probs = request.n_top is not None
        answers = shape(self.model.name, self.model.token_texts(), options, with_log_probs)
        job = self.worker.submit(work)
        try:
            if options.stream:
                await unless_client_leaves(receive, send_events(send, self._events(job, answers)))
                return
            content = await unless_client_leaves(receive, _whole(job, answers))
        finally:
            job.cancel()
        await send_json(send, content)

    async def _events(self, job: Job[Part], answers: Answers) -> AsyncGenerator[bytes, None]:
        """Yield the events of a stream. An error after its beginning is an event, too."""
        try:
            async for part in job.parts(self._heartbeat):
                if part is None:
                    yield f": waiting, {job.position} before this request\n\n".encode()
                    continue
                for chunk in answers.chunks(part):
                    yield event(chunk)
        except APIError as error:
            yield event(error.body())
            return
        for chunk in answers.end():
            yield event(chunk)
        yield b"data: [DONE]\n\n"


class _Endpoint:
    """An ASGI application for one route and one method."""

    def __init__(self, function: Callable[..., Any], method: str) -> None:
        self._function, self._method = function, method

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = (self._method, "HEAD") if self._method == "GET" else (self._method,)
        if scope["method"] not in allowed:
            raise APIError(
                f"{scope['path'][:100]} takes {self._method}, not {scope['method'][:20]}",
                status=405,
                code="method_not_allowed",
            )
        await self._function(scope, receive, send)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    raise APIError(
        f"there is nothing at {scope['path'][:100]!r}; the interface is at /v1",
        status=404,
        code="not_found",
    )


async def _whole(job: Job[Part], answers: Answers) -> dict[str, Any]:
    async for part in job.parts():
        if part is not None:
            answers.add(part)
    return answers.whole()


async def _all_vectors(job: Job[Array]) -> Array:
    return np.concatenate([part async for part in job.parts() if part is not None])
