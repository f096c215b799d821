"""Ctrl-C, SIGTERM and SIGHUP request a stop soon; they are no exception in the middle of a step."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_HANG_UP = getattr(signal, "SIGHUP", None)  # the terminal was closed; Windows has no such signal
_SIGNALS = tuple(n for n in (signal.SIGINT, signal.SIGTERM, _HANG_UP) if n is not None)


class Stopped(Exception):
    """A signal requested the end of training; the current step or evaluation is discarded."""


class StopRequest:
    """Record a signal during a ``with`` block, so that the loop inside can check it and end.

    The second signal raises KeyboardInterrupt at once. SIGHUP does not count for this, because a
    terminal that is closed may send it twice. Handlers are installed only in the main thread,
    because Python allows no other, and only if the signal is not ignored, as it is for a background
    job of a shell or with nohup. The old handlers are restored at the end of the block.

    Attributes
    ----------
    signal : int or None
        Number of the signal that came.
    deferred : bool
        Whether :meth:`check` does nothing for now, because training cannot be resumed from the
        current state.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.deferred = False
        self._asked = False
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
            # None: a handler that was not installed from Python cannot be restored.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()

    def check(self) -> None:
        """Raise :class:`Stopped` if a signal came, unless ``deferred`` is True."""
        if self.signal is not None and not self.deferred:
            raise Stopped

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number != _HANG_UP:
            if self._asked:
                raise KeyboardInterrupt
            self._asked = True
        self.signal = self.signal or number
