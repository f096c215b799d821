"""Text out of tokens that arrive one by one."""

import codecs
from collections.abc import Sequence

from scratchgpt.backend import Array
from scratchgpt.text.tokenizers.tokenizer import Tokenizer


class StreamDecoder:
    """Turns tokens into text as they come, never half a character.

    A character may be spelt by several byte-level tokens; what is incomplete is held back. All
    pieces joined, the last from :meth:`flush`, are ``tokenizer.decode`` of all tokens.

    Parameters
    ----------
    tokenizer : Tokenizer
    before : sequence of int
        Tokens that the text goes on from.
    """

    def __init__(self, tokenizer: Tokenizer, before: Array | Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._after_word = len(before) > 0 and tokenizer.ends_word(before[-1])
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The text that this token completes, which may be none."""
        spelling, ends_word = self._tokenizer.token_bytes(token), self._tokenizer.ends_word(token)
        if self._after_word and (spelling or ends_word):
            spelling, self._after_word = b" " + spelling, False
        self._after_word = self._after_word or ends_word
        return self._decoder.decode(spelling)

    def flush(self) -> str:
        """The rest: U+FFFD where a character was left incomplete."""
        return self._decoder.decode(b"", final=True)
