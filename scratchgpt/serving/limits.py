"""The limits of the server, so that no request can occupy the machine for long."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of one server.

    Parameters
    ----------
    body_bytes : int
        Size of the body of a request. It is counted while it arrives.
    body_seconds : float
        Time in which the body of a request must arrive.
    header_bytes : int
        Size of the address and the headers of a request.
    messages : int
        Messages of a conversation.
    choices : int
        Answers per prompt (``n``).
    prompts : int
        Prompts of a request for completions.
    stops, stop_characters : int
        Number and length of stop strings.
    inputs : int
        Texts of a request for embeddings.
    answer_seconds : float
        Time of the computation for one request. An answer that takes longer is cut.
    waiting : int
        Requests in the queue.
    """

    body_bytes: int = 1 << 20
    body_seconds: float = 30.0
    header_bytes: int = 1 << 14
    messages: int = 1000
    choices: int = 8
    prompts: int = 32
    stops: int = 4
    stop_characters: int = 64
    inputs: int = 2048
    answer_seconds: float = 300.0
    waiting: int = 256
