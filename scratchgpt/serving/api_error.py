"""Errors of the server in the shape that clients of OpenAI read."""

from typing import Any

INVALID, SERVER_ERROR, RATE_LIMIT = "invalid_request_error", "server_error", "rate_limit_error"
CONTEXT_LENGTH = "context_length_exceeded"


class APIError(Exception):
    """A request that gets an error as its answer.

    Parameters
    ----------
    message : str
        One line: what is wrong, with the value, and what to do.
    status : int
        The HTTP status.
    type : str
    param : str, optional
        The field of the request that is wrong.
    code : str, optional
        A name of the error for programs.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = INVALID,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        names = ("message", "type", "param", "code")
        return {"error": {name: getattr(self, name) for name in names}}


def internal_error() -> APIError:
    """Create the error for a failure that is not the client's; its cause is not disclosed."""
    return APIError(
        "the server failed to answer; its terminal has the cause",
        status=500,
        type=SERVER_ERROR,
        code="internal_error",
    )


def stopping_error() -> APIError:
    """Create the error for requests that the end of the server interrupts."""
    return APIError(
        "the server is stopping; the answer was interrupted",
        status=503,
        type=SERVER_ERROR,
        code="server_stopping",
    )
