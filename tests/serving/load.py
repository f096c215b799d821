"""Load for a server: many clients at once, clients that vanish, and malformed requests.

The tests run it against a server in the same process, and ``benchmarks/serve_load.py`` against one
in another.
"""

import collections
import http.client
import itertools
import json
import random
import socket
import struct
import threading
import weakref
from collections.abc import Callable
from typing import Any

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
JSON = {"Content-Type": "application/json"}
PATIENCE = 120  # seconds, for an answer that should come at once
Statuses = collections.Counter


def address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def post(connection: http.client.HTTPConnection, path: str, body: bytes) -> tuple[int, bytes]:
    connection.request("POST", path, body, JSON)
    reply = connection.getresponse()
    return reply.status, reply.read()


def in_threads(n: int, function: Callable[[int], None]) -> None:
    """Call a function with 0 to n - 1, each in its own thread; raise the first error."""
    errors = []

    def call(number: int) -> None:
        try:
            function(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def many_requests(
    url: str, n_clients: int = 8, n_requests: int = 200, n_tokens: int = 8
) -> Statuses:
    """Send requests of all kinds from clients that each wait for their answer; count the statuses.

    A stream that does not come to its end is counted as ``incomplete``.
    """
    statuses: Statuses = Statuses()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(*address(url), timeout=PATIENCE)  # never ends
        for i in range(number, n_requests, n_clients):
            path = COMPLETIONS if i % 3 == 2 else CHAT
            messages = [{"role": "user", "content": f"request {i}"}]
            body = {"max_tokens": n_tokens, "seed": i, "stream": i % 2 == 0}
            body |= {"prompt": "the"} if path == COMPLETIONS else {"messages": messages}
            status, content = post(connection, path, json.dumps(body).encode())
            if status == 200 and body["stream"] and not content.endswith(b"data: [DONE]\n\n"):
                status = "incomplete"
            statuses[status] += 1
        connection.close()

    in_threads(n_clients, client)
    return statuses


def vanishing_clients(url: str, n: int = 50) -> int:
    """Start streams from n clients at once, which leave in different ways; count those that began.

    Some reset the connection and some close it; some have read a part of their answer, others leave
    while they wait.
    """
    begun = []
    body = {"messages": [{"role": "user", "content": "the"}], "n": 8, "stream": True}
    content = json.dumps(body).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content

    def client(number: int) -> None:
        with socket.create_connection(address(url), PATIENCE) as connection:
            connection.sendall(request)
            if number % 5:
                connection.recv(100)  # the headers of the stream
            if number % 5 == 1:
                connection.recv(300)
            begun.append(number)
            if number % 2:  # reset
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    in_threads(n, client)
    return len(begun)


def malformed_requests(url: str, n: int = 1000, seed: int = 0) -> Statuses:
    """Send requests that are damaged in many ways; count the statuses.

    A connection that ends without an answer is counted as ``closed``.
    """
    statuses: Statuses = Statuses()
    connection = http.client.HTTPConnection(*address(url), timeout=PATIENCE)  # never ends
    for number in range(n):
        chance = random.Random(f"{seed} {number}")
        if chance.random() < 0.1:
            statuses[_status_of_raw(url, damaged_http(chance))] += 1
            continue
        path = chance.choice([CHAT, CHAT, COMPLETIONS, EMBEDDINGS])
        try:
            status, _ = post(connection, path, damaged_body(chance))
        except (http.client.HTTPException, OSError):
            status = "closed"
            connection.close()
        statuses[status] += 1
    connection.close()
    return statuses


def _status_of_raw(url: str, request: bytes) -> Any:
    with socket.create_connection(address(url), PATIENCE) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        try:
            words = connection.makefile("rb").readline().split()
        except OSError:
            return "closed"
    return int(words[1]) if len(words) > 1 else "closed"


VALID = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "the"}],
    "prompt": "the",
    "input": "the",
    "max_tokens": 1,
    "temperature": 1.0,
    "top_p": 1.0,
    "n": 1,
    "seed": 1,
    "stop": ["a"],
    "stream": False,
    "logprobs": None,
    "user": "u",
}
WRONG = [
    None,
    True,
    -1,
    0,
    0.5,
    10**18,
    1e300,
    -1e-300,
    "",
    "x",
    "\ud800",
    "é" * 999,
    [],
    [[]],
    [None],
    [-1],
    {},
    {"type": "text"},
    [{"role": "user"}],
    [{"role": "other", "content": "a"}],
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///"}}]}],
    [{"role": "user", "content": {"a": 1}}],
    [{"role": "system", "content": "a"}] * 2,
]
JUNK = [
    b"",
    b"null",
    b"[]",
    b"{",
    b"{}",
    b'{"messages": NaN}',
    b'{"n": 1e999}',
    b'{"n": ' + b"9" * 5000 + b"}",
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b"\xff\xfe",
    b"\x00" * 100,
    b'{"messages": 1, "messages": 2}',
    b"a=b&c=d",
    b"\xef\xbb\xbf{}",
]


def damaged_body(chance: random.Random) -> bytes:
    """Return a body that no client should send; a few are valid by chance."""
    kind = chance.randrange(5)
    if kind == 0:
        return chance.choice(JUNK)
    if kind == 1:
        return chance.randbytes(chance.randrange(1, 2000))
    body: dict[str, Any] = {**VALID}
    for _ in range(chance.randrange(1, 4)):
        body[chance.choice([*VALID, "stream_options", "tools", "logit_bias", "dimensions"])] = (
            chance.choice(WRONG)
        )
    content = json.dumps(body).encode()
    if kind == 2:
        return content
    if kind == 3:
        return content[: chance.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(chance.randrange(1, 6)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def damaged_http(chance: random.Random) -> bytes:
    """Return a damaged request, with its line and headers."""
    body = json.dumps(VALID).encode()
    lines = [
        f"POST {CHAT} HTTP/1.1".encode(),
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
    ]
    place = chance.randrange(len(lines))
    damage: list[Callable[[bytes], bytes]] = [
        lambda line: b"",
        lambda line: line[: chance.randrange(len(line))],
        lambda line: line + b"\x00",
        lambda line: line + b"\r\n" + line,
        lambda line: line.replace(b" ", b"  "),
        lambda line: chance.randbytes(30).replace(b"\n", b""),
        lambda line: b"X: " + b"x" * 30_000,
        lambda line: b"Transfer-Encoding: chunked",
        lambda line: b"Content-Length: -5",
        lambda line: b"Host: evil.com",
    ]
    lines[place] = chance.choice(damage)(lines[place])
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Order:
    """Records the order in which the requests of a service arrive and in which they are computed.

    Attributes
    ----------
    arrived, computed : list of int
    jobs : set
        The requests that are still in memory.
    """

    def __init__(self, service: Any) -> None:
        self.arrived: list[int] = []
        self.computed: list[int] = []
        self.jobs: weakref.WeakSet[Any] = weakref.WeakSet()
        submit, numbers = service.worker.submit, itertools.count()

        def recorded(work: Any) -> Any:
            number = next(numbers)

            def numbered(has_left: Any) -> Any:
                self.computed.append(number)
                yield from work(has_left)

            job = submit(numbered)
            self.arrived.append(number)
            self.jobs.add(job)
            return job

        service.worker.submit = recorded

    @property
    def is_fair(self) -> bool:
        """Whether each request was computed after all that arrived before it."""
        return self.computed == sorted(self.computed)
