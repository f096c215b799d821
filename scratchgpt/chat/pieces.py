"""The parts of an answer that arrives while the rest is computed."""

from typing import Literal, NamedTuple

from scratchgpt.errors import UserError

EndReason = Literal["stop", "length", "canceled"]


class ContextLengthError(UserError):
    """A prompt that leaves no room for an answer.

    Attributes
    ----------
    n_tokens : int
        Tokens of the prompt, or of what cannot be left out of it.
    block_size : int
    """

    def __init__(self, message: str, n_tokens: int, block_size: int) -> None:
        super().__init__(message)
        self.n_tokens = n_tokens
        self.block_size = block_size


class SampledToken(NamedTuple):
    """A token of an answer.

    Attributes
    ----------
    token : int
    log_prob : float or None
        Log-probability under the model, before temperature and the other options of sampling; None
        unless it was requested.
    top : tuple of (int, float)
        The most probable tokens with their log-probabilities, most probable first.
    """

    token: int
    log_prob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


class Piece(NamedTuple):
    """A part of an answer, which arrives while the rest is computed.

    Attributes
    ----------
    text : str
        New text. It never ends within a character, and it has no beginning of a stop string.
    tokens : tuple of SampledToken
        The token that was sampled for this piece, unless it ended the answer. Its text may be in a
        later piece.
    n_prompt : int
        Number of tokens of the prompt.
    n_prefilled : int
        Number of positions of the prompt that were computed; the others were known from the
        previous answer.
    n_new : int
        Number of sampled tokens so far, with the token that ended the answer.
    n_dropped : int
        Number of the oldest messages that the model did not read.
    finish_reason : {"stop", "length", "canceled"} or None
        Why the answer ended, in the last piece; None in the others. ``"stop"`` is a token that ends
        an answer, or a stop string; ``"length"`` is the maximum number of new tokens, or a full
        context.
    """

    text: str
    tokens: tuple[SampledToken, ...]
    n_prompt: int
    n_prefilled: int
    n_new: int
    n_dropped: int = 0
    finish_reason: EndReason | None = None
