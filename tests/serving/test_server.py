"""The process that serves: its socket, its end, and what only real connections show."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import save_pretrained
from scratchgpt.serving import Service, bind, make_access, run, url_of


def connect(url, wait=60):
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=wait)  # never ends


def test_a_port_in_use_and_a_wrong_address_are_refused():
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(UserError, match=f"cannot listen on port {port} of 127.0.0.1: .*--port"):
            bind("127.0.0.1", port)
    for host in ("", "\ud800", "a" * 64, "a" * 300):
        with pytest.raises(UserError, match="is not an address"):
            bind(host, 0)


def test_the_printed_address_can_be_opened():
    with bind("0.0.0.0", 0) as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")


def raw(url, request):
    """Send bytes, and return the first line of the answer."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 60) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline()


def test_malformed_http_is_refused(chat_server):
    get = b"GET /health HTTP/1.1\r\n"
    assert b" 200 " in raw(chat_server, get + b"Host: localhost\r\n\r\n")
    assert b" 400 " in raw(chat_server, get + b"\r\n")  # HTTP/1.1 requires a host
    assert b" 403 " in raw(chat_server, b"GET /health HTTP/1.0\r\n\r\n")
    assert b" 403 " in raw(chat_server, get + b"Host: evil.com\r\n\r\n")
    large = get + b"Host: localhost\r\nX: " + b"x" * 20_000
    assert b" 431 " in raw(chat_server, large + b"\r\n\r\n")
    assert b" 400 " in raw(chat_server, b"\0\r\n\r\n")


def test_a_body_that_is_too_large_is_refused_while_it_arrives(chat_server):
    """The client sends chunks for as long as the server takes them."""
    connection = connect(chat_server)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for _ in range(40):
        connection.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
    connection.send(b"0\r\n\r\n")
    reply = connection.getresponse()
    assert reply.status == 413
    assert json.loads(reply.read())["error"]["code"] == "request_too_large"
    connection.close()


def test_one_connection_has_many_requests(chat_server, messages):
    connection = connect(chat_server)
    body = json.dumps({"messages": messages, "max_tokens": 2})
    for _ in range(3):
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", body, headers)
        reply = connection.getresponse()
        assert reply.status == 200
        reply.read()
    connection.close()


def test_all_threads_end_with_the_server(run_server, served, messages):
    before = set(threading.enumerate())
    with run_server(served) as (url, _):
        connection = connect(url)
        connection.request("GET", "/health")
        assert connection.getresponse().read()
        connection.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        connect(url).request("GET", "/health")


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_port_and_restores_the_handlers(served, number):
    listener = bind("127.0.0.1", 0)
    url = url_of(listener)
    before = signal.getsignal(number)
    service = Service(served, make_access("127.0.0.1"))
    run(service, listener, lambda: signal.raise_signal(number))
    assert signal.getsignal(number) is before
    with pytest.raises(ConnectionRefusedError):
        connect(url).request("GET", "/health")


@needs_signals
def test_ctrl_c_interrupts_the_answer_and_ends_the_process_without_an_error(
    chat_model, tokenizer, tmp_path
):
    save_pretrained(chat_model, tmp_path / "tiny")
    tokenizer.save(tmp_path / "tiny" / "tokenizer.json")
    command = [sys.executable, "-m", "scratchgpt", "serve", "-m", tmp_path / "tiny", "--port", "0"]
    environment = {**os.environ, "SCRATCHGPT_KERNELS": "off"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            line = process.stderr.readline()
            assert line.startswith("serving tiny at http://127.0.0.1:")
            url = line.split(";")[0].removeprefix("serving tiny at ")
            body = {"prompt": ["the"] * 32, "n": 8, "max_tokens": 90, "stream": True}
            connection = connect(url)
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/completions", json.dumps(body), headers)
            reply = connection.getresponse()
            assert reply.readline().startswith(b"data: ")
            process.send_signal(signal.SIGINT)
            *_, last = reply.read().strip().split(b"\n\n")
            assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "server_stopping"
            connection.close()
            stdout, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert stdout == ""
    assert stderr == "stopped\n"
