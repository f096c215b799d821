"""Many clients, clients that vanish and malformed requests leave the server as it was."""

import gc
import importlib.util
import threading
import time
from pathlib import Path

import pytest


def waits_for(condition):
    """Wait until a condition is true; False if it is not in about a minute."""
    return any(condition() or time.sleep(0.001) for _ in range(60_000))


@pytest.fixture(scope="module")
def load():
    spec = importlib.util.spec_from_file_location("load", Path(__file__).with_name("load.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def loaded(run_server, served, load):
    """A server, and afterwards a check that nothing is left of the requests."""
    with run_server(served) as (url, service):
        threads = set(threading.enumerate())
        order = load.Order(service)
        yield url, service, order
        assert load.many_requests(url, 1, 3) == {200: 3}  # it still answers
        assert waits_for(lambda: service.worker.n_waiting == 0)
        # The two threads of the service start on demand.
        assert len(set(threading.enumerate()) - threads) <= 1
    gc.collect()
    assert len(order.jobs) == 0
    assert order.is_fair


def test_many_clients_at_once_get_their_answers_in_order(loaded, load):
    url, _, order = loaded
    assert load.many_requests(url, n_clients=8, n_requests=200, n_tokens=2) == {200: 200}
    assert order.computed == order.arrived == list(range(200))


def test_clients_that_vanish_cost_nothing(loaded, load):
    url, _, _ = loaded
    assert load.vanishing_clients(url, 50) == 50


def test_malformed_requests_get_an_error_of_the_client(loaded, load):
    url, _, _ = loaded
    statuses = load.malformed_requests(url, 200)
    assert statuses[400] > 100
    assert {status for status in statuses if status != "closed"} <= set(range(200, 500))
    assert statuses["closed"] < 20
