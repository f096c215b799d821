"""Bodies and answers of HTTP: limits while a body arrives, JSON, and streams of events."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeVar

from scratchgpt.errors import counted
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.limits import Limits

Result = TypeVar("Result")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Proxies neither store nor buffer the stream.
_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class ClientLeftError(Exception):
    """The client closed the connection before it had the answer."""


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Return the values of all headers of a name, which is in lower case."""
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


async def read_body(scope: Scope, receive: Receive, limits: Limits) -> bytes:
    """Read the body of a request, and stop as soon as it is too large.

    Raises
    ------
    APIError
        If the body is larger than the limit, or does not arrive in time.
    ClientLeftError
    """
    too_large = APIError(
        f"the body has more than {counted(limits.body_bytes, 'byte')}; send a shorter request",
        status=413,
        code="request_too_large",
    )
    [length] = header_values(scope, b"content-length")[:1] or ["0"]
    if length.isascii() and length.isdigit() and int(length[:20]) > limits.body_bytes:
        raise too_large
    content = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientLeftError
                content += message.get("body", b"")
                if len(content) > limits.body_bytes:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(content)
    except TimeoutError:
        raise APIError(
            f"the body did not arrive within {limits.body_seconds:g} s",
            status=408,
            code="request_timeout",
        ) from None


async def send_json(
    send: Send, content: Any, status: int = 200, headers: Headers | None = None
) -> None:
    """Send a JSON answer, in ASCII, so that each string has a valid encoding."""
    body = encode(content)
    await send_bytes(send, body, b"application/json", status, headers)


async def send_bytes(
    send: Send, body: bytes, kind: bytes, status: int = 200, headers: Headers | None = None
) -> None:
    every = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, error: APIError, headers: Headers | None = None) -> None:
    """Send an error. Clients repeat a request after status 500 and above unless told not to."""
    every = list(headers or [])
    if error.status >= 500:
        every.append((b"x-should-retry", b"false"))
    if error.status == 401:
        every.append((b"www-authenticate", b"Bearer"))
    if error.status == 429:
        every.append((b"retry-after", b"1"))
    await send_json(send, error.body(), error.status, every)


async def send_events(send: Send, events: AsyncGenerator[bytes, None]) -> None:
    """Send a stream of events as it comes."""
    await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
    async with contextlib.aclosing(events):
        async for event in events:
            await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def event(content: Any) -> bytes:
    """Return one event with a JSON object."""
    return b"data: " + encode(content) + b"\n\n"


def encode(content: Any) -> bytes:
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


async def unless_client_leaves(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """Await ``work``, and cancel it if the client closes the connection; its body was read.

    Raises
    ------
    ClientLeftError
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_leaves(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeftError
        return working.result()
    finally:
        for task in (working, leaving):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
