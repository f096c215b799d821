"""Answers of a model, collected from their pieces, in OpenAI's shapes for chats and completions."""

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from scratchgpt.chat.pieces import Piece, SampledToken
from scratchgpt.serving.generation_fields import GenerationOptions
from scratchgpt.serving.token_texts import TokenTexts
from scratchgpt.version import __version__


class Part(NamedTuple):
    """A piece of one answer of a request.

    Attributes
    ----------
    choice : int
        The number of the answer.
    piece : Piece
    """

    choice: int
    piece: Piece


class Answers:
    """The answers to one request. A subclass has the shapes of one interface.

    Parameters
    ----------
    model : str
    texts : TokenTexts
    options : GenerationOptions
    with_log_probs : bool
    """

    object: str
    chunk_object: str
    id_start: str

    def __init__(
        self,
        model: str,
        texts: TokenTexts,
        options: GenerationOptions,
        with_log_probs: bool,
    ) -> None:
        self._model = model
        self._texts = texts
        self._n = options.n
        self._with_log_probs = with_log_probs
        self._include_usage = options.include_usage
        self._id = f"{self.id_start}-{secrets.token_hex(12)}"
        self._created = int(time.time())
        self._text: dict[int, list[str]] = {}
        self._tokens: dict[int, list[SampledToken]] = {}
        self._offsets: dict[int, list[int]] = {}  # characters before each token
        self._n_characters: dict[int, int] = {}
        self._last: dict[int, Piece] = {}
        self._n_cached = 0

    def add(self, part: Part) -> None:
        """Collect a piece."""
        index, piece = part
        if index not in self._last and index % self._n == 0:  # later ones have the same prompt
            self._n_cached += piece.n_prompt - piece.n_prefilled
        before = self._n_characters.get(index, 0)
        self._n_characters[index] = before + len(piece.text)
        self._text.setdefault(index, []).append(piece.text)
        self._tokens.setdefault(index, []).extend(piece.tokens)
        self._offsets.setdefault(index, []).extend([before] * len(piece.tokens))
        self._last[index] = piece

    def whole(self) -> dict[str, Any]:
        """Return the answer to a request that does not stream."""
        choices = [self._choice(index) for index in sorted(self._last)]
        return {**self._head(self.object), "choices": choices, "usage": self._usage()}

    def chunks(self, part: Part) -> Iterator[dict[str, Any]]:
        """Collect a piece, and yield the chunks of a stream that it makes."""
        is_first = part.choice not in self._last
        self.add(part)
        for choice in self._deltas(part, is_first):
            yield self._chunk([choice], None)

    def end(self) -> Iterator[dict[str, Any]]:
        """Yield the chunk after the last one of the answers, if the request asks for it."""
        if self._include_usage:
            yield self._chunk([], self._usage())

    def _choice(self, index: int) -> dict[str, Any]:
        raise NotImplementedError

    def _deltas(self, part: Part, is_first: bool) -> Iterator[dict[str, Any]]:
        raise NotImplementedError

    def _head(self, name: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": name,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": f"scratchgpt-{__version__}",
        }

    def _chunk(self, choices: list[dict[str, Any]], usage: Any) -> dict[str, Any]:
        chunk = {**self._head(self.chunk_object), "choices": choices}
        return {**chunk, "usage": usage} if self._include_usage else chunk

    def _usage(self) -> dict[str, Any]:
        """Count the tokens: each prompt once, and what was sampled, with the tokens that end."""
        n_prompt = sum(p.n_prompt for i, p in self._last.items() if i % self._n == 0)
        n_new = sum(piece.n_new for piece in self._last.values())
        return {
            "prompt_tokens": n_prompt,
            "completion_tokens": n_new,
            "total_tokens": n_prompt + n_new,
            "prompt_tokens_details": {"cached_tokens": self._n_cached},
        }

    def _reason(self, index: int) -> str:
        return finish_reason(self._last[index]) or "length"

    def _full_text(self, index: int) -> str:
        return "".join(self._text[index])


def finish_reason(piece: Piece) -> str | None:
    """Return the reason as OpenAI names it; an answer that took too long is cut by its length."""
    return "length" if piece.finish_reason == "canceled" else piece.finish_reason


class ChatAnswers(Answers):
    """Answers to a conversation."""

    object = "chat.completion"
    chunk_object = "chat.completion.chunk"
    id_start = "chatcmpl"

    def _usage(self) -> dict[str, Any]:
        usage = super()._usage()
        n_dropped = self._last[0].n_dropped
        return {**usage, "dropped_messages": n_dropped} if n_dropped else usage

    def _choice(self, index: int) -> dict[str, Any]:
        message = {"role": "assistant", "content": self._full_text(index), "refusal": None}
        return {
            "index": index,
            "message": message,
            "logprobs": self._log_probs(self._tokens[index]),
            "finish_reason": self._reason(index),
        }

    def _deltas(self, part: Part, is_first: bool) -> Iterator[dict[str, Any]]:
        index, piece = part
        if is_first:
            yield self._delta(index, {"role": "assistant", "content": "", "refusal": None})
        if piece.text or (piece.tokens and self._with_log_probs):
            log_probs = self._log_probs(piece.tokens)
            yield self._delta(index, {"content": piece.text}, log_probs)
        if piece.finish_reason is not None:
            yield {**self._delta(index, {}), "finish_reason": finish_reason(piece)}

    @staticmethod
    def _delta(index: int, delta: dict[str, Any], log_probs: Any = None) -> dict[str, Any]:
        return {"index": index, "delta": delta, "logprobs": log_probs, "finish_reason": None}

    def _log_probs(self, tokens: Sequence[SampledToken]) -> dict[str, Any] | None:
        if not self._with_log_probs:
            return None
        return {"content": [self._texts.chat_entry(one) for one in tokens], "refusal": None}


class CompletionAnswers(Answers):
    """Continuations of prompts."""

    object = "text_completion"
    chunk_object = "text_completion"
    id_start = "cmpl"

    def _choice(self, index: int) -> dict[str, Any]:
        return {
            "index": index,
            "text": self._full_text(index),
            "logprobs": self._log_probs(self._tokens[index], self._offsets[index]),
            "finish_reason": self._reason(index),
        }

    def _deltas(self, part: Part, is_first: bool) -> Iterator[dict[str, Any]]:
        index, piece = part
        offsets = self._offsets[index]
        if piece.text or piece.finish_reason or (piece.tokens and self._with_log_probs):
            yield {
                "index": index,
                "text": piece.text,
                "logprobs": self._log_probs(
                    piece.tokens, offsets[len(offsets) - len(piece.tokens) :]
                ),
                "finish_reason": finish_reason(piece),
            }

    def _log_probs(
        self, tokens: Sequence[SampledToken], offsets: Sequence[int]
    ) -> dict[str, Any] | None:
        if not self._with_log_probs:
            return None
        return self._texts.completion_fields(tokens, offsets)
