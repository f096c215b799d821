"""Decoders of tokens that arrive one by one, for each way to spell text with bytes."""

import codecs
from collections.abc import Sequence
from typing import Protocol

from scratchgpt.backend import Array


class Spelling(Protocol):
    """What a tokenizer says of its tokens."""

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of one token."""

    def ends_word(self, token: int) -> bool:
        """Whether a space follows the token that is not part of its bytes."""


class SpellingOfRuns(Spelling, Protocol):
    """What a tokenizer with byte fallback says of its tokens."""

    strips_space: bool

    def is_byte(self, token: int) -> bool:
        """Whether a token is one byte, which need not be a character."""


class TextDecoder(Protocol):
    """Turns tokens into text. The pieces, joined, are the text of all tokens."""

    def push(self, token: int) -> str:
        """Return the text that this token completes, which can be empty."""

    def flush(self) -> str:
        """Return the remaining text, when the last token has been added."""


class BytesDecoder:
    """Decodes tokens whose bytes, concatenated, are UTF-8."""

    def __init__(self, tokenizer: Spelling, before: Array | Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._after_word = len(before) > 0 and tokenizer.ends_word(before[-1])
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        spelling, ends_word = self._tokenizer.token_bytes(token), self._tokenizer.ends_word(token)
        if self._after_word and (spelling or ends_word):
            spelling, self._after_word = b" " + spelling, False
        self._after_word = self._after_word or ends_word
        return self._decoder.decode(spelling)

    def flush(self) -> str:
        return self._decoder.decode(b"", final=True)


class ByteRunDecoder:
    """Decodes tokens that are text, and runs of tokens that are one byte each.

    A run is text if all its bytes are UTF-8; otherwise each of its bytes becomes U+FFFD. So a run
    is held until it ends. A space at the beginning of the text is left out.
    """

    def __init__(self, tokenizer: SpellingOfRuns, before: Array | Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._run = b""
        self._at_start = tokenizer.strips_space and not any(
            tokenizer.token_bytes(int(token)) for token in before
        )

    def push(self, token: int) -> str:
        spelling = self._tokenizer.token_bytes(token)
        if not spelling:
            return ""
        if self._tokenizer.is_byte(token):
            self._run += spelling
            return ""
        return self._stripped(self._end_run() + spelling.decode())

    def flush(self) -> str:
        return self._stripped(self._end_run())

    def _end_run(self) -> str:
        run, self._run = self._run, b""
        try:
            return run.decode()
        except UnicodeDecodeError:
            return "\ufffd" * len(run)

    def _stripped(self, text: str) -> str:
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix(" ")
        return text
