"""Incremental decoding of tokens that arrive one by one."""

import codecs
from collections.abc import Sequence

from scratchgpt.backend import Array
from scratchgpt.text.tokenizers.tokenizer import Tokenizer


class StreamDecoder:
    """Decode tokens incrementally, without splitting characters.

    A character can consist of several byte-level tokens; incomplete characters are buffered. The
    concatenation of all pieces, including that of :meth:`flush`, equals ``tokenizer.decode`` of all
    tokens.

    Parameters
    ----------
    tokenizer : Tokenizer
    before : sequence of int
        The tokens before the first one to decode, such as a prompt.
    """

    def __init__(self, tokenizer: Tokenizer, before: Array | Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._after_word = len(before) > 0 and tokenizer.ends_word(before[-1])
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """Return the text that this token completes, which can be empty."""
        spelling, ends_word = self._tokenizer.token_bytes(token), self._tokenizer.ends_word(token)
        if self._after_word and (spelling or ends_word):
            spelling, self._after_word = b" " + spelling, False
        self._after_word = self._after_word or ends_word
        return self._decoder.decode(spelling)

    def flush(self) -> str:
        """Return the remaining text: U+FFFD if the last character is incomplete, else empty."""
        return self._decoder.decode(b"", final=True)
