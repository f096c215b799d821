"""Ctrl-C and SIGTERM as a wish to stop soon, not as an exception out of the middle of a step."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """What was under way is dropped, because a signal asked for the end."""


class StopRequest:
    """``with StopRequest() as stop:`` remembers a signal; the loop inside looks at it and ends.

    The second signal raises KeyboardInterrupt at once. Handlers are put in place in the main
    thread alone (Python allows no other), not where the signal was being ignored (as for a
    background job of a shell), and put back afterwards.

    Attributes
    ----------
    signal : int or None
        Which signal came.
    deferred : bool
        Whether :meth:`check` waits, because training cannot be resumed from where it is now.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.deferred = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            # None: a handler that was not installed from Python cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()

    def check(self) -> None:
        """Raise :class:`Stopped` if a signal came, unless that is deferred."""
        if self.signal is not None and not self.deferred:
            raise Stopped

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
