import asyncio
import threading

import pytest

from scratchgpt.errors import UserError
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.worker import Worker


@pytest.fixture
def failures():
    return []


@pytest.fixture
def worker(failures):
    worker = Worker(3, failures.append)
    yield worker
    worker.close()


class Blocked:
    """Work that waits after its first part until the test releases it."""

    def __init__(self):
        self.started, self.released = threading.Event(), threading.Event()

    def __call__(self, has_left):
        self.started.set()
        yield "first"
        self.released.wait()
        yield "second"


async def parts_of(job):
    return [part async for part in job.parts()]


def counting(seen, number):
    def work(has_left):
        seen.append(number)
        yield number

    return work


def test_requests_are_computed_one_at_a_time_in_the_order_of_their_arrival(worker, wait):
    seen = []

    async def run():
        blocked = Blocked()
        first = worker.submit(blocked)
        assert await asyncio.to_thread(blocked.started.wait, wait)
        others = [worker.submit(counting(seen, number)) for number in range(3)]
        assert [first.position, *(job.position for job in others)] == [0, 1, 2, 3]
        assert worker.n_waiting == 3
        assert seen == []
        with pytest.raises(APIError) as full:
            worker.submit(counting(seen, 9))
        assert (full.value.status, full.value.code) == (429, "queue_full")
        blocked.released.set()
        return [await parts_of(job) for job in (first, *others)]

    assert asyncio.run(run()) == [["first", "second"], [0], [1], [2]]
    assert seen == [0, 1, 2]


def test_a_cancelled_request_is_not_started_and_a_running_one_ends(worker, wait):
    seen = []

    async def run():
        blocked = Blocked()
        running = worker.submit(blocked)
        assert await asyncio.to_thread(blocked.started.wait, wait)
        jobs = [worker.submit(counting(seen, number)) for number in range(2)]
        jobs[0].cancel()
        jobs[0].cancel()
        running.cancel()
        assert worker.n_waiting == 1
        blocked.released.set()
        return await parts_of(jobs[1])

    assert asyncio.run(run()) == [1]
    assert seen == [1]


def test_waiting_is_reported_after_each_heartbeat(worker, wait):
    async def run():
        blocked = Blocked()
        worker.submit(blocked)
        job = worker.submit(counting([], 1))
        parts = job.parts(heartbeat=0.001)
        seen = [await anext(parts), await anext(parts)]
        blocked.released.set()
        seen += [part async for part in parts if part is not None]
        return seen

    assert asyncio.run(run()) == [None, None, 1]


def test_errors_reach_the_client_and_those_of_the_server_are_reported(worker, failures):
    def failing(error):
        def work(has_left):
            yield "first"
            raise error

        return work

    async def error_of(error):
        job = worker.submit(failing(error))
        with pytest.raises(APIError) as caught:
            await parts_of(job)
        return caught.value

    async def run():
        return [await error_of(one) for one in errors]

    errors = [APIError("no"), UserError("the logits are NaN"), ZeroDivisionError("secret")]
    own, user, other = asyncio.run(run())
    assert own is errors[0]
    assert (user.status, user.message) == (500, "the logits are NaN")
    assert other.status == 500
    assert "secret" not in other.message
    assert failures == errors[1:]


def test_the_end_interrupts_all_requests_with_an_error(failures, wait):
    worker = Worker(3, failures.append)

    async def run():
        blocked = Blocked()
        jobs = [worker.submit(work) for work in (blocked, counting([], 1))]
        assert await asyncio.to_thread(blocked.started.wait, wait)
        worker.stop()
        codes = []
        for job in jobs:
            with pytest.raises(APIError) as caught:
                await parts_of(job)
            codes.append(caught.value.code)
        with pytest.raises(APIError):
            worker.submit(counting([], 2))
        blocked.released.set()
        return codes

    assert asyncio.run(run()) == ["server_stopping"] * 2
    worker.close()
    worker.close()
    assert failures == []


def test_a_job_whose_loop_has_ended_does_not_stop_the_worker(worker, failures, wait):
    blocked = Blocked()

    async def submit():
        worker.submit(blocked)

    asyncio.run(submit())
    blocked.released.set()

    async def other():
        return await parts_of(worker.submit(counting([], 1)))

    assert asyncio.run(other()) == [1]
    assert failures == []
