"""The model of a server, and the answers that it can give."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from scratchgpt.backend import Array
from scratchgpt.chat import ChatEngine, find_format
from scratchgpt.chat.pieces import ContextLengthError, Piece
from scratchgpt.embeddings import TextEncoder
from scratchgpt.errors import counted
from scratchgpt.models import GPT, QuantizedGPT
from scratchgpt.serving.answers import Part
from scratchgpt.serving.api_error import CONTEXT_LENGTH, APIError
from scratchgpt.serving.chat_request import ChatRequest
from scratchgpt.serving.completion_request import CompletionRequest
from scratchgpt.serving.embedding_request import EmbeddingRequest
from scratchgpt.serving.token_texts import TokenTexts
from scratchgpt.serving.worker import Work
from scratchgpt.text import Tokenizer

Clock = Callable[[], float]
_TEXTS_AT_A_TIME = 16  # until the next check whether the client has left


class ServedModel(NamedTuple):
    """A model and the name that clients know it by.

    Attributes
    ----------
    name : str
    created : int
        When the server started, in seconds.
    engine : ChatEngine or None
        For a language model.
    encoder : TextEncoder or None
        For an encoder.
    """

    name: str
    created: int
    engine: ChatEngine | None = None
    encoder: TextEncoder | None = None

    @classmethod
    def of_text(cls, name: str, model: GPT | QuantizedGPT, tokenizer: Tokenizer) -> "ServedModel":
        """Serve a language model."""
        return cls(name, int(time.time()), engine=ChatEngine(model, tokenizer))

    @classmethod
    def of_vectors(cls, name: str, encoder: TextEncoder) -> "ServedModel":
        """Serve an encoder."""
        return cls(name, int(time.time()), encoder=encoder)

    @property
    def has_chat(self) -> bool:
        return self.engine is not None and find_format(self.engine.tokenizer) is not None

    def language_model(self) -> ChatEngine:
        """Return the engine.

        Raises
        ------
        APIError
            If the model is an encoder.
        """
        if self.engine is None:
            raise _cannot(f"{self.name!r} is an encoder of texts; use /v1/embeddings")
        return self.engine

    def chat_model(self) -> ChatEngine:
        engine = self.language_model()
        if not self.has_chat:
            raise _cannot(
                f"the model {self.name!r} has no known format of conversations; use "
                "/v1/completions, train it with `scratchgpt sft`, or name the format: "
                "`scratchgpt serve --chat-format`"
            )
        return engine

    def text_encoder(self) -> TextEncoder:
        if self.encoder is None:
            raise _cannot(
                f"{self.name!r} is a language model and has no embeddings; serve an encoder, "
                "which `scratchgpt contrastive` trains"
            )
        return self.encoder

    def token_texts(self) -> TokenTexts:
        return TokenTexts(self.language_model().tokenizer)

    def describe(self) -> dict[str, Any]:
        """Return the object of the model in ``/v1/models``; the length is the context in tokens."""
        if self.engine is not None:
            length = self.engine.model.config.block_size
        else:
            length = self.text_encoder().max_tokens
        return {
            "id": self.name,
            "object": "model",
            "created": self.created,
            "owned_by": "scratchgpt",
            "max_model_len": length,
        }


class _Patience:
    """Says whether an answer must end: its client has left, or its time is over."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds, self._clock = seconds, clock
        self._end = float("inf")
        self._has_left: Callable[[], bool] = bool

    def begin(self, has_left: Callable[[], bool]) -> None:
        self._has_left = has_left
        self._end = self._clock() + self._seconds

    def is_over(self) -> bool:
        return self._has_left() or self._clock() >= self._end


def chat_work(
    engine: ChatEngine, request: ChatRequest, seconds: float, clock: Clock = time.monotonic
) -> Work[Part]:
    """Check a conversation against the context of the model, and prepare its answers.

    Raises
    ------
    APIError
        If the conversation does not fit, with an answer of a quarter of the context, or of
        ``max_tokens`` if that is less. If the request asks to leave out the oldest turns, as the
        terminal does: if the last turn does not fit.
    """
    options = request.options
    block_size = room = engine.model.config.block_size
    if not request.leaves_out_turns:
        n_prompt = len(engine.renderer.prompt(request.messages).tokens)
        room = block_size + 1 - n_prompt  # the last token is not read
        if room < min(options.max_tokens or block_size, max(1, block_size // 4)):
            raise _too_long("messages", "the conversation", n_prompt, block_size)
    patience = _Patience(seconds, clock)
    try:
        streams = [
            engine.stream(
                request.messages,
                max_new_tokens=min(options.max_tokens or room, room),
                sampling=options.sampling,
                seed=options.seed,
                sample=sample,
                stop=options.stop,
                n_top=request.n_top,
                canceled=patience.is_over,
            )
            for sample in range(options.n)
        ]
    except ContextLengthError as error:
        raise APIError(str(error), param="messages", code=CONTEXT_LENGTH) from None
    return _one_after_the_other(streams, patience)


def completion_work(
    engine: ChatEngine, request: CompletionRequest, seconds: float, clock: Clock = time.monotonic
) -> Work[Part]:
    """Check prompts against the vocabulary and the context, and prepare their continuations.

    Raises
    ------
    APIError
        If a prompt is too long, or cannot be encoded.
    """
    options = request.options
    patience = _Patience(seconds, clock)
    try:
        streams = [
            engine.complete(
                prompt,
                max_new_tokens=options.max_tokens or 1,
                sampling=options.sampling,
                seed=options.seed,
                sample=sample,
                stop=options.stop,
                n_top=request.n_top,
                canceled=patience.is_over,
            )
            for prompt in request.prompts
            for sample in range(options.n)
        ]
    except ContextLengthError as error:
        raise _too_long("prompt", "the prompt", error.n_tokens, error.block_size) from None
    return _one_after_the_other(streams, patience)


def embedding_work(
    encoder: TextEncoder,
    request: EmbeddingRequest,
    seconds: float,
    clock: Clock = time.monotonic,
) -> tuple[Work[Array], int]:
    """Check the lengths of texts; return the work, which yields arrays (n, C), and their tokens.

    Raises
    ------
    APIError
        If a text is longer than the model reads. No text is cut silently.
    """
    lengths = encoder.count_tokens(request.texts, prompt_name=request.role)
    for i, length in enumerate(lengths):
        if length > encoder.max_tokens:
            raise APIError(
                f"text {i + 1:,} of the input has {counted(length, 'token')}, more than the "
                f"{encoder.max_tokens:,} that the model reads; split it",
                param="input",
                code=CONTEXT_LENGTH,
            )
        if not length:
            raise APIError(f"text {i + 1:,} of the input is empty; leave it out", param="input")

    patience = _Patience(seconds, clock)

    def work(has_left: Callable[[], bool]) -> Iterator[Array]:
        patience.begin(has_left)
        for first in range(0, len(request.texts), _TEXTS_AT_A_TIME):
            if patience.is_over():
                raise APIError(
                    f"the texts take longer than {seconds:g} s; send fewer of them", param="input"
                )
            yield encoder.encode(
                request.texts[first : first + _TEXTS_AT_A_TIME],
                prompt_name=request.role,
                truncate_dim=request.dimensions,
                normalize_embeddings=request.dimensions is not None,
            )

    return work, sum(lengths)


def _one_after_the_other(streams: Sequence[Iterator[Piece]], patience: _Patience) -> Work[Part]:
    def work(has_left: Callable[[], bool]) -> Iterator[Part]:
        patience.begin(has_left)
        for index, stream in enumerate(streams):
            for piece in stream:
                yield Part(index, piece)

    return work


def _too_long(param: str, what: str, n_tokens: int, block_size: int) -> APIError:
    return APIError(
        f"{what} has {counted(n_tokens, 'token')}, and the model's context of {block_size:,} must "
        "have room for it and for an answer; shorten it",
        param=param,
        code=CONTEXT_LENGTH,
    )


def _cannot(message: str) -> APIError:
    return APIError(message, param="model", code="unsupported_model")
