"""Every operation is timed, none is timed twice, and nothing is patched."""

import functools
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import scratchgpt.ops as ops
from scratchgpt.layers.mlp import ACTIVATIONS
from scratchgpt.measure import break_down, breakdown
from scratchgpt.measure.breakdown import REST, Clock, timed_operations

OPS = Path(ops.__file__).parent


@pytest.fixture
def clock(monkeypatch):
    """A clock that only ``clock.pass_(seconds)`` moves."""

    class Time:
        now = 0.0

        def perf_counter(self):
            return self.now

        def pass_(self, seconds):
            self.now += seconds

    time = Time()
    monkeypatch.setattr(breakdown, "time", time)
    return time


def names_of_scratchgpt():
    """Return the object of every name in every module of scratchgpt, and in its classes."""
    modules = {n: m for n, m in sys.modules.items() if n.split(".")[0] == "scratchgpt"}
    classes = {
        (n, c): thing
        for n, m in modules.items()
        for c, thing in list(vars(m).items())
        if isinstance(thing, type) and thing.__module__ == n
    }
    holders = {**modules, **classes}
    return {
        (holder, name): value
        for holder, thing in holders.items()
        for name, value in vars(thing).items()
    }


def changed(before):
    after = names_of_scratchgpt()
    return [name for name in before if after[name] is not before[name]]


def observed(work):
    """Return the operations called during ``work``, from Python's profiler: name -> calls."""
    calls = Counter()

    def see(frame, event, argument):
        code = frame.f_code
        operation, _, direction = code.co_name.rpartition("_")
        is_op = Path(code.co_filename).parent == OPS and not operation.startswith("_")
        if event == "call" and is_op and direction in ("forward", "backward"):
            calls[operation] += 1

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_the_shares_are_those_of_the_whole_step(stepper):
    result = break_down(stepper, seconds=0, most=3)
    assert result.n_steps == 3
    assert sum(part.share for part in result.parts) == pytest.approx(1)
    assert sum(part.seconds for part in result.parts) == pytest.approx(result.seconds)
    assert min(part.seconds for part in result.parts) >= 0
    for part in result.parts:
        assert part.share == pytest.approx(part.seconds / result.seconds)


def test_every_operation_of_a_step_is_there_with_all_its_calls(stepper):
    stepper.update(0)
    calls = observed(lambda: stepper.update(0))
    assert len(calls) >= 5
    result = break_down(stepper, seconds=0, most=2)
    others = {"AdamW": 1, "gradient norm": 1, REST: 0}
    assert {part.name: part.calls for part in result.parts} == {**calls, **others}


def test_the_parts_are_sorted_and_the_rest_comes_last(stepper):
    *parts, rest = break_down(stepper, seconds=0, most=2).parts
    assert rest.name == REST
    assert parts == sorted(parts, key=lambda part: part.seconds, reverse=True)


def test_forward_and_backward_are_separate(stepper):
    parts = {part.name: part for part in break_down(stepper, seconds=0, most=2).parts}
    linear = parts["linear"]
    assert linear.forward + linear.backward == pytest.approx(linear.seconds)
    assert parts["AdamW"].forward is parts["AdamW"].backward is None


def test_a_step_computes_what_it_computes_without_a_clock(make_shape):
    from scratchgpt.measure import one_batch_stepper, random_batch
    from scratchgpt.models import GPT

    shape = make_shape(dropout=0.1)
    plain, timed = (one_batch_stepper(GPT(shape.config), *random_batch(shape)) for _ in range(2))
    with timed_operations():
        losses = [timed.update(0).loss for _ in range(3)]
    assert losses == [plain.update(0).loss for _ in range(3)]


def test_nothing_is_patched():
    before, activations = names_of_scratchgpt(), dict(ACTIVATIONS)
    with timed_operations():
        assert changed(before) == []
    assert changed(before) == []
    assert activations == ACTIVATIONS


def test_no_observer_remains_after_an_error(stepper, monkeypatch):
    before = names_of_scratchgpt()

    def fail(step):
        raise KeyError

    stepper.update(0)
    updates = iter([stepper.update, fail])
    monkeypatch.setattr(stepper, "update", lambda step: next(updates)(step))
    with timed_operations() as outer:
        with pytest.raises(KeyError):
            break_down(stepper, seconds=0)
        calls = outer.calls.copy()
        ops.relu_forward(np.ones(3))
    assert outer.calls - calls == {("relu", "forward"): 1}
    ops.relu_forward(np.ones(3))
    assert outer.calls - calls == {("relu", "forward"): 1}
    assert changed(before) == []


def test_an_operation_is_seen_wherever_a_module_keeps_it():
    """In a name, a class, a dictionary, a tuple, a partial function, and all of them at once."""
    name = ops.linear_forward
    table = {"linear": (functools.partial(ops.linear_forward, bias=None), 1)}
    holder = type("Holder", (), {"run": staticmethod(ops.linear_forward)})
    x, weight = np.ones((2, 3)), np.ones((3, 4))
    with timed_operations() as clock:
        for count, run in enumerate((name, table["linear"][0], holder.run, holder().run), start=1):
            run(x, weight)
            assert clock.calls == {("linear", "forward"): count}


def timed(clock, name, work):
    """Return ``work``, wrapped so that the clock times it as an operation."""

    def run(*args):
        clock.begin(name, "", {})
        try:
            work(*args)
        finally:
            clock.end(name, "", None)

    return run


def test_an_operation_within_an_operation_counts_once(clock):
    times = Clock()
    inner = timed(times, "inner_forward", lambda: clock.pass_(2))

    def work():
        clock.pass_(1)
        inner()
        clock.pass_(4)
        inner()

    timed(times, "outer_forward", work)()
    assert times.seconds == {("inner", "forward"): 4, ("outer", "forward"): 5}
    assert times.calls == {("inner", "forward"): 2, ("outer", "forward"): 1}


def test_an_operation_within_itself_counts_once(clock):
    times = Clock()

    def work(depth):
        clock.pass_(1)
        if depth:
            again(depth - 1)

    again = timed(times, "work_backward", work)
    again(3)
    assert times.seconds == {("work", "backward"): 4}


def test_an_operation_that_fails_has_taken_its_time(clock):
    times = Clock()

    def fail():
        clock.pass_(3)
        raise KeyError

    outer = timed(times, "outer_forward", timed(times, "fail_forward", fail))
    with pytest.raises(KeyError):
        outer()
    assert times.seconds == {("fail", "forward"): 3, ("outer", "forward"): 0}
