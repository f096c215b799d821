"""Stop strings: detection in text that arrives in pieces."""

from collections.abc import Sequence

from scratchgpt.errors import UserError


class StopMatcher:
    """Passes text on up to the first stop string, independent of how the text is split into pieces.

    A piece may end in the middle of a stop string. Text that may still become a stop string is held
    back until that is decided. The stop string that is complete first wins; if two end at the same
    character, the longer one wins. No other rule is independent of the split: with "bc" and "abcd",
    a stream that has read "abc" must already stop.

    Parameters
    ----------
    stop : sequence of str
        The stop strings; none may be empty.

    Attributes
    ----------
    stopped : bool
        Whether a stop string was found; no text after it is passed on.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        if isinstance(stop, str):
            raise TypeError(f"stop must be a list of strings, not the string {stop!r}")
        if "" in stop:
            raise UserError("a stop string is empty and would end every text at once; leave it out")
        self._stop = tuple(stop)
        self._held = ""
        self.stopped = False

    def push(self, piece: str) -> str:
        """Add the next piece of text; return the text that is certainly before any stop string."""
        if self.stopped:
            return ""
        text = self._held + piece
        found = [(start + len(s), start) for s in self._stop if (start := text.find(s)) >= 0]
        if found:
            self.stopped = True
            self._held = ""
            return text[: min(found)[1]]
        n_held = max((_overlap(text, s) for s in self._stop), default=0)
        n_free = len(text) - n_held
        self._held = text[n_free:]
        return text[:n_free]

    def flush(self) -> str:
        """Return the text held back, when the text has ended without a stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest suffix of ``text`` that is a proper prefix of ``stop``."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
