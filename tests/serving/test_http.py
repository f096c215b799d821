import asyncio

import pytest

from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.http import (
    ClientLeftError,
    encode,
    event,
    read_body,
    unless_client_leaves,
)
from scratchgpt.serving.limits import Limits


def read(messages, limits=None, headers=()):
    """Read a body; after the messages, nothing arrives."""
    arriving = iter(messages)

    async def receive():
        for message in arriving:
            return message
        return await asyncio.Event().wait()

    scope = {"headers": [(name.encode(), value.encode()) for name, value in headers]}
    return asyncio.run(read_body(scope, receive, limits or Limits(body_bytes=10)))


def part(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_pieces_is_joined():
    assert read([part(b"ab"), part(b""), part(b"c", more=False)]) == b"abc"
    assert read([{"type": "http.request"}]) == b""


def test_a_body_is_counted_while_it_arrives():
    """The body has no end, so the error must come before it."""

    def endless():
        while True:
            yield part(b"abc")

    with pytest.raises(APIError) as caught:
        read(endless())
    assert caught.value.status == 413


@pytest.mark.parametrize("length", ["11", "9" * 5000])
def test_a_body_that_declares_to_be_too_large_is_not_read(length):
    with pytest.raises(APIError) as caught:
        read([], headers=[("content-length", length)])
    assert caught.value.status == 413


def test_a_body_must_arrive_in_time_and_whole():
    with pytest.raises(APIError) as caught:
        read([part(b"a")], Limits(body_seconds=0.001))
    assert caught.value.status == 408
    with pytest.raises(ClientLeftError):
        read([part(b"a"), {"type": "http.disconnect"}])


def test_work_is_cancelled_when_the_client_leaves():
    async def run():
        leaves, canceled = asyncio.Event(), []

        async def receive():
            await leaves.wait()
            return {"type": "http.disconnect"}

        async def work():
            leaves.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                canceled.append(True)
                raise

        with pytest.raises(ClientLeftError):
            await unless_client_leaves(receive, work())
        return canceled

    assert asyncio.run(run()) == [True]


def test_the_result_or_the_error_of_the_work_is_passed_on():
    async def receive():
        await asyncio.Event().wait()

    async def returns():
        return 3

    async def fails():
        raise APIError("no")

    assert asyncio.run(unless_client_leaves(receive, returns())) == 3
    with pytest.raises(APIError):
        asyncio.run(unless_client_leaves(receive, fails()))


def test_any_string_can_be_encoded_and_no_event_is_split():
    assert encode({"a": "é\ud800\u2028\n"}) == b'{"a":"\\u00e9\\ud800\\u2028\\n"}'
    assert event({"a": "x\n\ny"}).count(b"\n") == 2
    with pytest.raises(ValueError, match="JSON"):
        encode(float("nan"))
