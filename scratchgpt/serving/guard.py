"""The outermost part of the server: it refuses what no request may have, and catches all errors."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from scratchgpt.errors import counted
from scratchgpt.serving.access import Access
from scratchgpt.serving.api_error import APIError, internal_error
from scratchgpt.serving.http import (
    ClientLeftError,
    Headers,
    Receive,
    Scope,
    Send,
    header_values,
    send_bytes,
    send_error,
)
from scratchgpt.serving.limits import Limits

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_ALWAYS: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_JSON = "application/json"


def guarded(
    app: Application,
    access: Access,
    limits: Limits,
    on_failure: Callable[[BaseException], None],
) -> Application:
    """Return an application that checks each request before ``app`` sees it.

    The checks are those of headers: their size, the host, the origin, the API key and the content
    type. An error in ``app`` becomes an answer; ``on_failure`` gets its cause.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # a websocket, which no page of the server opens
            raise NotImplementedError(f"{scope['type']} connections are not served")
        added = list(_ALWAYS)
        is_started = False

        async def send_more(message: MutableMapping[str, Any]) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        try:
            _check_size(scope, limits)
            host = access.check_host(header_values(scope, b"host"))
            origin = access.check_origin(header_values(scope, b"origin"), host)
            if access.origins:
                added.append((b"vary", b"Origin"))
            if origin is not None:
                added.append((b"access-control-allow-origin", origin.encode("latin-1")))
            if scope["method"] == "OPTIONS":
                await send_bytes(send_more, b"", b"text/plain", 204, _preflight(scope, origin))
                return
            if scope["path"].startswith("/v1"):
                access.check_key(header_values(scope, b"authorization"))
            if scope["method"] == "POST":
                _check_content(scope)
            await app(scope, receive, send_more)
        except ClientLeftError:
            return
        except APIError as error:
            await send_error(send_more, error)
        except Exception as error:
            on_failure(error)
            if not is_started:
                await send_error(send_more, internal_error())

    return application


def _check_size(scope: Scope, limits: Limits) -> None:
    """Refuse large headers; the limit of uvicorn is only for those that arrive in pieces."""
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    if headers + len(scope["path"]) + len(scope["query_string"]) > limits.header_bytes:
        raise APIError(
            f"the address and the headers have more than {counted(limits.header_bytes, 'byte')}",
            status=431,
            code="headers_too_large",
        )


def _check_content(scope: Scope) -> None:
    """Refuse a body that is not JSON: a page of another site can only send such a body unasked."""
    kinds = header_values(scope, b"content-type")
    kind = kinds[0].partition(";")[0].strip().lower() if len(kinds) == 1 else ""
    if kind != _JSON:
        raise APIError(
            f"the content type is {kind[:100]!r}; send Content-Type: {_JSON}",
            status=415,
            code="unsupported_media_type",
        )
    if any(value.lower() != "identity" for value in header_values(scope, b"content-encoding")):
        raise APIError(
            "the body is compressed; send it without Content-Encoding",
            status=415,
            code="unsupported_media_type",
        )


def _preflight(scope: Scope, origin: str | None) -> Headers:
    """Return what a page of an allowed origin may send."""
    if origin is None:
        return [(b"allow", b"GET, POST")]
    asked = header_values(scope, b"access-control-request-headers")
    names = asked[0].encode("latin-1") if asked else b"authorization, content-type"
    return [
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", names),
        (b"access-control-max-age", b"600"),
    ]
