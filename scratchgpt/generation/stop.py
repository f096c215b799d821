"""Stop strings, found in text that arrives in pieces."""

from collections.abc import Sequence

from scratchgpt.errors import UserError


class StopMatcher:
    """Lets text through up to the first stop string, whatever the pieces it comes in.

    A piece may end in the middle of a stop string; what may still become one is held back until
    that is decided. The stop string that is complete first counts; of two that end at the same
    character, the longer. That is the only rule that does not depend on how the text is cut: with
    "bc" and "abcd", a stream that has read "abc" must already stop.

    Parameters
    ----------
    stop : sequence of str
        None of them empty.

    Attributes
    ----------
    stopped : bool
        Whether a stop string was found; nothing comes through after it.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        if isinstance(stop, str):
            raise TypeError(f"stop must be a list of strings, not the string {stop!r}")
        if "" in stop:
            raise UserError("a stop string is empty; every text would end before it begins")
        self._stop = tuple(stop)
        self._held = ""
        self.stopped = False

    def push(self, piece: str) -> str:
        """Take the next piece of text; returns what is now certain to stand before any stop."""
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
        """The text has ended: what was held back did not become a stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of ``text`` that is a beginning of ``stop``, short of all of it."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
