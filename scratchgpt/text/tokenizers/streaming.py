"""Incremental decoding of tokens that arrive one by one."""

from collections.abc import Sequence

from scratchgpt.backend import Array
from scratchgpt.text.tokenizers.tokenizer import Tokenizer


class StreamDecoder:
    """Decode tokens incrementally, without splitting characters.

    A character can consist of several tokens; incomplete characters are buffered. The concatenation
    of all pieces, including that of :meth:`flush`, equals ``tokenizer.decode`` of all tokens.

    Parameters
    ----------
    tokenizer : Tokenizer
    before : sequence of int
        The tokens before the first one to decode, such as a prompt.
    """

    def __init__(self, tokenizer: Tokenizer, before: Array | Sequence[int] = ()) -> None:
        self._decoder = tokenizer.decoder(before)

    def push(self, token: int) -> str:
        """Return the text that this token completes, which can be empty."""
        return self._decoder.push(token)

    def flush(self) -> str:
        """Return the remaining text: U+FFFD if the last character is incomplete, else empty."""
        return self._decoder.flush()
