"""The array type that stands for CuPy's refuses every silent copy, and counts all others."""

import operator
from typing import Any

import numpy as np
import pytest

from scratchgpt.backend import array_module, on_host, to_device_of, to_host

HOST = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
ROWS = np.array([1, 0])

# Each function mixes an array on the host into a computation on the device, or assumes that a
# function of CuPy has all parameters of NumPy's. CuPy copies silently where the note says so.
LEAKS: dict[str, Any] = {
    "np.asarray": lambda x, s: np.asarray(x),
    "np.array of a list": lambda x, s: np.array([x, x]),
    "device + host": lambda x, s: x + HOST,
    "host + device": lambda x, s: HOST + x,
    "host += device": lambda x, s: operator.iadd(HOST.copy(), x),
    "device *= host": lambda x, s: operator.imul(x, HOST),
    "device @ host": lambda x, s: x @ HOST.T,
    "host == device": lambda x, s: HOST == x,  # noqa: SIM300
    "out on the host": lambda x, s: np.exp(x, out=HOST.copy()),
    "out on the device": lambda x, s: np.exp(HOST, out=x),
    "device[...] = host": lambda x, s: operator.setitem(x, ..., HOST),
    "host[...] = device": lambda x, s: operator.setitem(HOST.copy(), ..., x),
    "device[host] (CuPy copies silently)": lambda x, s: x[ROWS],
    "device[host] = 1 (CuPy copies silently)": lambda x, s: operator.setitem(x, ROWS, 1),
    "device[:, host]": lambda x, s: x[:, ROWS],
    "host[device]": lambda x, s: HOST[s.asarray(ROWS)],
    "a scalar array of the host": lambda x, s: x * np.array(2.0),
    "np.where with a mask of the host": lambda x, s: np.where(HOST > 0, x, 0),
    "np.copyto with a mask of the host": lambda x, s: np.copyto(x, 0, where=HOST > 0),
    "np.copyto to the host": lambda x, s: np.copyto(HOST.copy(), x),
    "np.concatenate of both": lambda x, s: np.concatenate([x, HOST]),
    "np.einsum of both": lambda x, s: np.einsum("ij,ij->i", x, HOST),
    "np.einsum has no out": lambda x, s: np.einsum("ij->ij", x, out=x),
    "np.take has no mode": lambda x, s: np.take(x, s.asarray(ROWS), axis=0, mode="clip"),
    "np.take of rows on the host": lambda x, s: np.take(x, ROWS, axis=0),
    "np.add.at of rows on the host": lambda x, s: np.add.at(x, ROWS, 1.0),
    "max has no initial": lambda x, s: x.max(initial=0),
    "sum has no where": lambda x, s: x.sum(where=x > 0),
    "the address of the data": lambda x, s: x.ctypes,
    "the buffer": lambda x, s: memoryview(x),
    "a function that has not been checked": lambda x, s: np.unique(x),
    "a method that has not been checked": lambda x, s: x.argsort(),
    "a constructor that has not been checked": lambda x, s: s.linspace(0, 1),
}
SYNCS: dict[str, Any] = {
    "bool": lambda x: bool((x > 0).any()),
    "if": lambda x: 1 if x.sum() > 0 else 2,
    "float": lambda x: float(x.sum()),
    "int": lambda x: int((x > 0).sum()),
    "item": lambda x: x[0, 0].item(),
    "tolist": lambda x: x.tolist(),
    "range": lambda x: range((x > 0).sum()),
    "a mask selects": lambda x: x[x > 0],
    "np.nonzero": lambda x: np.nonzero(x),
    "np.argwhere": lambda x: np.argwhere(x),
    "to_host": to_host,
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_each_kind_of_leak_is_caught(leak, strict):
    with pytest.raises((TypeError, AttributeError)):
        leak(strict.asarray(HOST), strict)


@pytest.mark.parametrize("sync", SYNCS.values(), ids=SYNCS)
def test_whatever_waits_for_the_device_is_counted(sync, strict):
    x = strict.asarray(HOST)
    with strict.counting() as traffic:
        sync(x)
    assert traffic.syncs == 1


def test_numbers_are_not_copies(strict):
    x = strict.asarray(HOST)
    with strict.counting() as traffic:
        y = 2 * x + np.float64(1) - np.exp(x) / np.sqrt(2)
        y[0] = 3
        y[y > 0] = np.float64(0)
        np.copyto(y, -np.inf, where=y < 0)
        y += y.sum()
    assert traffic == strict.Traffic()


def test_reductions_return_arrays_without_axes(strict):
    x = strict.asarray(HOST)
    for y in (x.sum(), x.max(), x[0, 0], np.mean(x), np.add.reduce(x, axis=None), (x > 0).any()):
        assert isinstance(y, strict.StrictArray)
        assert y.shape == ()


def test_a_copy_to_the_device_is_counted_and_independent(strict):
    host = HOST.copy()
    with strict.counting() as traffic:
        x = to_device_of(strict.zeros(1), host)
        host[...] = 7
        assert to_device_of(x, x) is x
        again = to_host(x)
    np.testing.assert_array_equal(again, HOST)
    assert traffic == strict.Traffic(to_device=1, to_host=1)


def test_the_library_of_an_array_is_found(strict):
    x = strict.asarray(HOST)
    assert array_module(x) is strict
    assert array_module(HOST) is np
    assert array_module(HOST[0, 0]) is np
    assert on_host(HOST)
    assert not on_host(x)
    assert to_host(HOST) is HOST
    assert to_device_of(HOST, HOST) is HOST
    with pytest.raises(TypeError, match="to_host"):
        to_device_of(HOST, x)


def test_a_library_without_the_protocol_is_found_by_its_name(monkeypatch):
    """CuPy 14 has no ``__array_namespace__``."""
    import sys
    from types import ModuleType

    cupy = ModuleType("cupy")
    ndarray = type("ndarray", (), {"__module__": "cupy"})
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert array_module(ndarray()) is cupy
