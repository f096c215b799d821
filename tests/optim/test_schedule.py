import math

import pytest

from scratchgpt.optim import (
    warmup_constant,
    warmup_cosine,
    warmup_inverse_sqrt,
    warmup_linear,
    warmup_stable_decay,
)

SETTINGS = {"lr": 1e-3, "min_lr": 1e-4, "warmup_steps": 100, "decay_steps": 2000}


def nano_gpt(it, lr, min_lr, warmup_steps, decay_steps):
    """Compute nanoGPT's formula, line by line."""
    if it < warmup_steps:
        return lr * (it + 1) / (warmup_steps + 1)
    if it > decay_steps:
        return min_lr
    decay_ratio = (it - warmup_steps) / (decay_steps - warmup_steps)
    coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))
    return min_lr + coeff * (lr - min_lr)


@pytest.mark.parametrize("step", [0, 1, 99, 100, 101, 1050, 1999, 2000, 2001, 10_000])
def test_cosine_is_nano_gpts(step):
    assert warmup_cosine(step, **SETTINGS) == pytest.approx(nano_gpt(step, **SETTINGS), rel=1e-15)


def test_cosine_peaks_after_the_warm_up_and_is_halfway_down_in_the_middle():
    assert warmup_cosine(100, **SETTINGS) == 1e-3
    assert warmup_cosine(1050, **SETTINGS) == pytest.approx((1e-3 + 1e-4) / 2)
    rates = [warmup_cosine(step, **SETTINGS) for step in range(2001)]
    assert max(rates) == rates[100]
    assert rates[:101] == sorted(rates[:101])
    assert rates[100:] == sorted(rates[100:], reverse=True)


def test_first_step_moves_even_with_a_warm_up():
    assert warmup_cosine(0, **SETTINGS) == pytest.approx(1e-3 / 101)
    assert warmup_constant(0, lr=1.0, warmup_steps=4) == pytest.approx(0.2)


def test_no_warm_up_starts_at_the_top():
    assert warmup_cosine(0, lr=1.0, min_lr=0.0, warmup_steps=0, decay_steps=10) == 1.0


def test_a_run_that_is_all_warm_up_ends_at_the_lowest_rate():
    assert warmup_cosine(5, lr=1.0, min_lr=0.1, warmup_steps=5, decay_steps=5) == 0.1


def test_constant_stays_after_the_warm_up():
    rates = [warmup_constant(step, lr=1.0, warmup_steps=4) for step in range(8)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0, 1.0])


def paper(step_num, d_model, warmup_steps):
    """Equation 3 of "Attention is all you need", whose steps count from 1."""
    return d_model**-0.5 * min(step_num**-0.5, step_num * warmup_steps**-1.5)


@pytest.mark.parametrize("step", [0, 1, 3998, 3999, 4000, 15_999, 99_999])
def test_inverse_square_root_is_that_of_the_paper(step):
    rate = warmup_inverse_sqrt(step, lr=(512 * 4000) ** -0.5, warmup_steps=4000)
    assert rate == pytest.approx(paper(step + 1, 512, 4000), rel=1e-14)


def test_inverse_square_root_peaks_at_the_end_of_the_warm_up():
    rates = [warmup_inverse_sqrt(step, lr=1.0, warmup_steps=4) for step in range(17)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[15] == pytest.approx(0.5)
    assert rates[3:] == sorted(rates[3:], reverse=True)


def test_inverse_square_root_without_a_warm_up_starts_at_the_top():
    assert warmup_inverse_sqrt(0, lr=1.0, warmup_steps=0) == 1.0
    assert warmup_inverse_sqrt(3, lr=1.0, warmup_steps=0) == pytest.approx(0.5)


def gpt_1(step, lr, warmup_steps, decay_steps):
    """The code of GPT-1, opt.py, except that its warm-up counts from 0."""
    x = step / decay_steps
    warmup = min(1, (step + 1) / (warmup_steps + 1))
    return lr * warmup * (1 - x)


@pytest.mark.parametrize("step", [0, 1, 9, 10, 11, 500, 999, 1000])
def test_linear_is_gpt_1s(step):
    settings = {"lr": 6.25e-5, "warmup_steps": 10, "decay_steps": 1000}
    expected = gpt_1(step, **settings)
    assert warmup_linear(step, **settings) == pytest.approx(expected, rel=1e-12, abs=1e-20)


def test_linear_stays_at_0_after_its_end():
    assert warmup_linear(20, lr=1.0, warmup_steps=2, decay_steps=10) == 0
    assert warmup_linear(0, lr=1.0, warmup_steps=0, decay_steps=10) == 1.0


def minicpm(step, lr, min_lr, warmup_steps, decay_steps, steps):
    """The three cases of WSD in the paper, with a line as the decay; its warm-up counts from 0."""
    stable_until = steps - decay_steps
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1) * lr
    if step < stable_until:
        return lr
    done = (step - stable_until) / decay_steps
    return lr * (1 - done) + min_lr * done


@pytest.mark.parametrize("step", [0, 1, 9, 10, 11, 79, 80, 81, 90, 99, 100])
def test_stable_and_decay_are_minicpms(step):
    settings = {"lr": 0.02, "min_lr": 0.001, "warmup_steps": 10, "decay_steps": 20, "steps": 100}
    expected = minicpm(step, **settings)
    assert warmup_stable_decay(step, **settings) == pytest.approx(expected, rel=1e-14)


def test_rates_before_the_decay_do_not_depend_on_the_number_of_steps():
    settings = {"lr": 1.0, "min_lr": 0.0, "warmup_steps": 5, "decay_steps": 10}
    short, long = (
        [warmup_stable_decay(step, **settings, steps=steps) for step in range(40)]
        for steps in (40, 400)
    )
    assert short[:31] == long[:31]
    assert short[31] < long[31]


def test_a_decay_that_begins_in_the_warm_up_ends_at_the_lowest_rate():
    settings = {"lr": 1.0, "min_lr": 0.1, "warmup_steps": 5, "decay_steps": 6, "steps": 6}
    rates = [warmup_stable_decay(step, **settings) for step in range(8)]
    assert max(rates) < 1
    assert rates[6:] == [0.1, 0.1]


def test_without_decay_the_rate_falls_at_once():
    settings = {"lr": 1.0, "min_lr": 0.1, "warmup_steps": 0, "decay_steps": 0, "steps": 6}
    assert [warmup_stable_decay(step, **settings) for step in (5, 6)] == [1.0, 0.1]
