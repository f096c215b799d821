import pytest

from scratchgpt.measure import Times, repeat, timing


@pytest.fixture
def work(monkeypatch):
    """Work that takes 2 seconds per call on a clock that only it advances."""

    class Work:
        now = 0.0
        n_calls = 0

        def __call__(self):
            self.n_calls += 1
            self.now += 2.0

        def perf_counter(self):
            return self.now

    work = Work()
    monkeypatch.setattr(timing, "time", work)
    return work


def test_it_repeats_until_the_time_is_over(work):
    assert repeat(work, seconds=9.0) == Times(2.0, 2.0, 2.0, n=5)


def test_slow_work_is_repeated_anyway(work):
    assert repeat(work, seconds=0.5).n == timing.FEWEST


def test_the_number_of_repetitions_can_be_limited(work):
    assert repeat(work, seconds=100.0, most=4).n == 4
    assert repeat(work, seconds=100.0, most=1).n == 1


def test_the_first_calls_do_not_count(work):
    repeat(work, seconds=100.0, most=3, warm_up=2)
    assert work.n_calls == 5


def test_one_time_in_ten_is_outside_low_and_high():
    times = Times.of([float(i) for i in range(101)])
    assert times == Times(median=50.0, low=5.0, high=95.0, n=101)
