"""Text out of tokens that arrive one by one."""

import codecs

from scratchgpt.text.tokenizer import Tokenizer


class StreamDecoder:
    """Turns tokens into text as they come, never half a character.

    A character may be spelt by several byte-level tokens; what is incomplete is held back. All
    pieces joined, the last from :meth:`flush`, are ``tokenizer.decode`` of all tokens.

    Parameters
    ----------
    tokenizer : Tokenizer
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The text that this token completes, which may be none."""
        return self._decoder.decode(self._tokenizer.token_bytes(token))

    def flush(self) -> str:
        """The rest: U+FFFD where a character was left incomplete."""
        return self._decoder.decode(b"", final=True)
