"""One thread that computes the answers, one request at a time, in the order of their arrival."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar

from scratchgpt.errors import UserError, counted
from scratchgpt.serving.api_error import (
    RATE_LIMIT,
    SERVER_ERROR,
    APIError,
    internal_error,
    stopping_error,
)

Item = TypeVar("Item")

# Called with a function that says whether the client has left; yields the parts of the answer.
Work = Callable[[Callable[[], bool]], Iterator[Item]]
OnFailure = Callable[[BaseException], None]

_END = object()


class Job(Generic[Item]):
    """A request in the queue: its parts arrive in the event loop that submitted it."""

    def __init__(self, worker: "Worker", work: Work[Item]) -> None:
        self._worker = worker
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Any] = asyncio.Queue()
        self._left = threading.Event()

    def cancel(self) -> None:
        """End the job at its next token, or before it starts; no part is needed anymore."""
        self._left.set()
        self._worker._forget(self)

    @property
    def position(self) -> int:
        """The number of requests before this one."""
        return self._worker._position(self)

    async def parts(self, heartbeat: float | None = None) -> AsyncIterator[Item | None]:
        """Yield the parts as they arrive, and None if there is none for ``heartbeat`` seconds.

        Raises
        ------
        APIError
            If the computation fails, or the server stops.
        """
        while True:
            try:
                part = await asyncio.wait_for(self._arrived.get(), heartbeat)
            except TimeoutError:
                yield None
                continue
            if part is _END:
                return
            if isinstance(part, APIError):
                raise part
            yield part

    def run(self, on_failure: OnFailure) -> None:
        """Compute the parts; called in the thread of the worker."""
        try:
            for part in self._work(self._left.is_set):
                self.put(part)
                if self._left.is_set():
                    break
        except APIError as error:
            self.put(error)
        except UserError as error:  # such as a model whose logits are NaN
            on_failure(error)
            self.put(APIError(str(error), status=500, type=SERVER_ERROR, code="model_error"))
        except BaseException as error:
            on_failure(error)
            self.put(internal_error())
        else:
            self.put(_END)

    def put(self, part: object) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, part)


class Worker:
    """A thread and the queue before it.

    Parameters
    ----------
    waiting : int
        Maximum number of requests in the queue.
    on_failure : callable
        Called with each error that is not the client's.
    """

    def __init__(self, waiting: int, on_failure: OnFailure) -> None:
        self._most = waiting
        self._on_failure = on_failure
        self._queue: deque[Job[Any]] = deque()
        self._running: Job[Any] | None = None
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._loop, name="scratchgpt-answers", daemon=True)
        self._thread.start()

    def submit(self, work: Work[Item]) -> Job[Item]:
        """Put a request at the end of the queue.

        Raises
        ------
        APIError
            If the queue is full, or the server stops.
        """
        job = Job(self, work)
        with self._changed:
            if self._is_closing:
                raise stopping_error()
            if len(self._queue) >= self._most:
                raise APIError(
                    f"the queue is full, with {counted(self._most, 'request')}; try again later",
                    status=429,
                    type=RATE_LIMIT,
                    code="queue_full",
                )
            self._queue.append(job)
            self._changed.notify()
        return job

    @property
    def n_waiting(self) -> int:
        return len(self._queue)

    def stop(self) -> None:
        """End the running request and those in the queue with an error; accept no others."""
        with self._changed:
            self._is_closing = True
            stopped = [*self._queue]
            self._queue.clear()
            if self._running is not None:
                stopped.append(self._running)
            self._changed.notify()
        for job in stopped:
            job._left.set()
            job.put(stopping_error())

    def close(self) -> None:
        """Stop, and wait until the thread has ended."""
        self.stop()
        self._thread.join()

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._running = None
                while not self._queue:
                    if self._is_closing:
                        return
                    self._changed.wait()
                self._running = self._queue.popleft()
            self._running.run(self._on_failure)

    def _forget(self, job: Job[Any]) -> None:
        with self._changed, contextlib.suppress(ValueError):
            self._queue.remove(job)

    def _position(self, job: Job[Any]) -> int:
        with self._changed:
            return self._queue.index(job) + 1 if job in self._queue else 0
