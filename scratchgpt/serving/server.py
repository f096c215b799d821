"""The process that serves: its socket, its signals and its end."""

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.serving.app import Service

GRACE = 5  # seconds in which interrupted answers reach their clients
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def bind(host: str, port: int) -> socket.socket:
    """Reserve an address. Port 0 is any free port.

    Raises
    ------
    UserError
        If there is no such address on this machine, or its port is in use.
    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        found = []
    if not found or not host:
        raise UserError(f"--host {host!r} is not an address; give one, such as 127.0.0.1")
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there, it would let two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise UserError(
            f"cannot listen on port {port} of {host}: {error.strerror or error}; choose another "
            "with --port, or end the program that uses it"
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address that a browser opens."""
    host, port = listener.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


def run(
    service: Service, listener: socket.socket, on_ready: Callable[[], None] | None = None
) -> None:
    """Serve until SIGINT (Ctrl-C) or SIGTERM.

    Then the port is closed, answers are interrupted with an error, and the threads end. A second
    signal does not wait for clients.

    Parameters
    ----------
    service : Service
        Closed at the end.
    listener : socket
        From :func:`bind`; closed at the end.
    on_ready : callable, optional
        Called when requests are answered.
    """
    try:
        make_server(service, on_ready).run(sockets=[listener])
    finally:
        service.close()
        listener.close()


def make_server(service: Service, on_ready: Callable[[], None] | None = None) -> Any:
    """Return the server of uvicorn; it ends when its ``should_exit`` is set."""
    import uvicorn

    class Server(uvicorn.Server):
        """Ends without an error after a signal, which uvicorn would raise again."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if on_ready is not None:
                on_ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            service.stop()
            await super().shutdown(sockets)

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            before = {number: signal.signal(number, self.end) for number in _SIGNALS}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

        def end(self, number: int, frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

    config = uvicorn.Config(
        service,
        http="h11",  # its limit of headers is known, whatever else is installed
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=service.limits.header_bytes,
        timeout_graceful_shutdown=GRACE,
    )
    return Server(config)
