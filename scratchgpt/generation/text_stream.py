"""Text of a sample that arrives token by token."""

from collections.abc import Sequence

from scratchgpt.backend import Array
from scratchgpt.generation.stop import StopMatcher
from scratchgpt.text import StreamDecoder, Tokenizer


class TextStream:
    """Decodes the tokens of one sample into text, with stop strings.

    Parameters
    ----------
    tokenizer : Tokenizer
    stop : sequence of str
        See :class:`StopMatcher`.
    before : sequence of int
        The tokens before the first one to decode, see :class:`scratchgpt.text.StreamDecoder`.

    Attributes
    ----------
    text : str
        The text so far. It has no incomplete character and no beginning of a stop string.
    """

    def __init__(
        self, tokenizer: Tokenizer, stop: Sequence[str], before: Array | Sequence[int]
    ) -> None:
        self._decoder = StreamDecoder(tokenizer, before)
        self._matcher = StopMatcher(stop)
        self.text = ""

    @property
    def stopped(self) -> bool:
        """Whether a stop string was found."""
        return self._matcher.stopped

    def push(self, token: int) -> str:
        """Add a token; return the text that is certain now."""
        piece = self._matcher.push(self._decoder.push(token))
        self.text += piece
        return piece

    def finish(self) -> str:
        """Return the remaining text, when the last token has been added."""
        piece = self._matcher.push(self._decoder.flush()) + self._matcher.flush()
        self.text += piece
        return piece
