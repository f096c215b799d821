import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig
from scratchgpt.generation.sampling import (
    apply_repetition_penalty,
    apply_temperature,
    draw,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    probabilities,
)

# Multiples of 1/4 in a small range: ties are common.
logits_with_ties = st.integers(1, 9).flatmap(
    lambda n: arrays(np.float64, n, elements=st.integers(-12, 12).map(lambda i: i / 4))
)
shares = st.floats(0, 1)


def softmax(logits):
    e = [math.exp(z - max(logits)) for z in logits]
    return [x / math.fsum(e) for x in e]


def kept(logits):
    return set(np.flatnonzero(np.isfinite(logits)).tolist())


@given(logits_with_ties, st.integers(1, 12))
def test_top_k_keeps_what_is_not_below_the_kth_largest(logits, k):
    threshold = sorted(logits)[-min(k, len(logits))]
    assert kept(keep_top_k(logits, k)) == {i for i, z in enumerate(logits) if z >= threshold}


@pytest.mark.parametrize("k", [1, 7, 500, 999])
def test_top_k_keeps_k_of_many_different_logits(k):
    logits = np.random.default_rng(k).permutation(1000).astype(float)
    assert kept(keep_top_k(logits, k)) == set(np.flatnonzero(logits >= 1000 - k).tolist())


def test_top_k_keeps_all_that_tie_with_the_last():
    assert kept(keep_top_k(np.array([1.0, 3.0, 2.0, 2.0, 2.0]), 2)) == {1, 2, 3, 4}


@given(logits_with_ties, shares)
def test_top_p_takes_tokens_out_from_the_bottom_while_the_rest_is_enough(logits, p):
    chances = softmax(logits)
    ascending = sorted(range(len(logits)), key=lambda i: (logits[i], i))
    expected = set(ascending)
    out = 0.0
    for i in ascending[:-1]:
        out += chances[i]
        if abs(out - (1 - p)) < 1e-12:
            return  # rounding decides
        if out > 1 - p:
            break
        expected.remove(i)
    assert kept(keep_top_p(logits, p)) == expected


def test_top_p_is_the_smallest_set_that_reaches_p():
    logits = np.log([0.1, 0.5, 0.15, 0.25])
    assert kept(keep_top_p(logits, 0.4)) == {1}
    assert kept(keep_top_p(logits, 0.6)) == {1, 3}
    assert kept(keep_top_p(logits, 0.76)) == {1, 3, 2}


def test_of_equal_logits_top_p_keeps_the_highest_ids():
    assert kept(keep_top_p(np.zeros(4), 0.5)) == {2, 3}
    assert kept(keep_top_p(np.zeros(128), 0.25)) == set(range(96, 128))


@given(logits_with_ties, shares)
def test_min_p_keeps_what_has_that_share_of_the_highest_probability(logits, p):
    ratios = [math.exp(z - max(logits)) for z in logits]
    if any(abs(r - p) < 1e-12 for r in ratios):
        return  # rounding decides
    assert kept(keep_min_p(logits, p)) == {i for i, r in enumerate(ratios) if r >= p}


def test_min_p_of_one_keeps_all_that_tie_with_the_best():
    assert kept(keep_min_p(np.array([1.0, 0.5, 1.0]), 1)) == {0, 2}


@given(logits_with_ties, st.floats(0.2, 5), st.data())
def test_repetition_penalty_divides_positive_and_multiplies_negative_logits(logits, penalty, data):
    seen = data.draw(arrays(bool, len(logits)))
    expected = [
        (z / penalty if z > 0 else z * penalty) if s else z
        for z, s in zip(logits, seen, strict=True)
    ]
    np.testing.assert_allclose(apply_repetition_penalty(logits, seen, penalty), expected)


@pytest.mark.parametrize("temperature", [1e-308, 0.3, 1.0, 7.0])
def test_temperature_divides_the_logits(temperature):
    logits = np.array([-2.0, 3.5, 3.0, 0.0])
    with np.errstate(over="ignore"):
        expected = softmax((logits - 3.5) / temperature)
    p = probabilities(logits, SamplingConfig(temperature=temperature))
    np.testing.assert_allclose(p, expected, rtol=1e-14)
    assert not np.isnan(apply_temperature(logits, temperature)).any()


def test_temperature_zero_is_the_highest_logit_whatever_the_other_options():
    logits = np.array([[0.0, 2.0, 2.0], [5.0, -1.0, 4.0]])
    p = probabilities(logits, SamplingConfig(temperature=0, top_k=1, top_p=0.1, min_p=0.5))
    assert p.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_the_penalty_comes_first_so_it_can_change_the_greedy_choice():
    logits = np.array([2.0, 1.8])
    greedy = SamplingConfig(temperature=0, repetition_penalty=1.3)
    assert probabilities(logits, greedy, np.array([True, False])).argmax() == 1


def test_temperature_comes_before_top_p_and_min_p():
    logits = np.log([0.6, 0.3, 0.1])
    assert np.count_nonzero(probabilities(logits, SamplingConfig(top_p=0.6 - 1e-9))) == 1
    assert np.count_nonzero(probabilities(logits, SamplingConfig(3.0, top_p=0.6 - 1e-9))) == 2
    assert np.count_nonzero(probabilities(logits, SamplingConfig(min_p=0.7))) == 1
    assert np.count_nonzero(probabilities(logits, SamplingConfig(3.0, min_p=0.7))) == 2


def test_each_filter_works_on_what_the_one_before_it_left():
    logits = np.log([0.4, 0.3, 0.2, 0.1])
    # If 0.4 and 0.3 are renormalized, the first alone has 0.57.
    assert np.count_nonzero(probabilities(logits, SamplingConfig(top_k=2, top_p=0.55))) == 1
    assert np.count_nonzero(probabilities(logits, SamplingConfig(top_p=0.55))) == 2


@given(
    logits=logits_with_ties,
    temperature=st.floats(1e-3, 10),
    top_k=st.none() | st.integers(1, 10),
    top_p=shares,
    min_p=shares,
    penalty=st.floats(0.1, 10),
    data=st.data(),
)
def test_what_remains_is_a_distribution_with_a_best_token(
    logits, temperature, top_k, top_p, min_p, penalty, data
):
    seen = data.draw(arrays(bool, len(logits)))
    p = probabilities(logits, SamplingConfig(temperature, top_k, top_p, min_p, penalty), seen)
    assert p.dtype == np.float64
    assert p.sum() == pytest.approx(1)
    penalized = apply_repetition_penalty(logits, seen, penalty)
    assert p[penalized == penalized.max()].any()


def test_rows_of_a_batch_are_filtered_each_by_itself():
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((5, 17)).astype(np.float32)
    seen = rng.random((5, 17)) < 0.3
    sampling = SamplingConfig(0.8, 9, 0.9, 0.05, 1.2)
    together = probabilities(logits, sampling, seen)
    assert together.dtype == np.float64
    for row in range(5):
        np.testing.assert_array_equal(
            together[row], probabilities(logits[row], sampling, seen[row])
        )


def test_draw_inverts_the_cumulative_distribution():
    p = np.array([0.25, 0.0, 0.5, 0.25])
    uniform = np.array([0.0, 0.2499, 0.25, 0.7499, 0.75, np.nextafter(1, 0)])
    assert draw(np.tile(p, (6, 1)), uniform).tolist() == [0, 0, 2, 2, 3, 3]


@given(
    arrays(np.float64, st.integers(1, 50), elements=st.floats(0, 1)).filter(lambda p: p.sum() > 0),
    st.floats(0, 1, exclude_max=True),
)
def test_draw_never_takes_a_token_of_probability_zero(weights, uniform):
    p = weights / weights.sum()
    assert p[draw(p, np.array(uniform))] > 0


def test_draw_takes_tokens_as_often_as_their_probability_says():
    p = np.array([0.5, 0.3, 0.15, 0.05])
    n = 20_000
    tokens = draw(np.tile(p, (n, 1)), np.random.default_rng(1).random(n))
    counts = np.bincount(tokens, minlength=4)
    assert np.all(abs(counts - n * p) < 4 * np.sqrt(n * p * (1 - p)))


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("temperature", -0.1, "0 (greedy) or more"),
        ("temperature", math.nan, "0 (greedy) or more"),
        ("temperature", math.inf, "0 (greedy) or more"),
        ("top_k", 0, "at least 1"),
        ("top_k", 2.5, "whole number"),
        ("top_p", 1.01, "from 0 to 1"),
        ("top_p", -0.01, "from 0 to 1"),
        ("min_p", 2, "from 0 to 1"),
        ("min_p", math.nan, "from 0 to 1"),
        ("repetition_penalty", 0, "more than 0"),
        ("repetition_penalty", "1.1", "more than 0"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_name_and_range(option, value, allowed):
    with pytest.raises(UserError) as error:
        SamplingConfig(**{option: value})
    assert f"{option}={value!r}" in str(error.value)
    assert allowed in str(error.value)
    assert "\n" not in str(error.value)


def test_a_penalty_without_the_seen_tokens_is_a_programming_error():
    with pytest.raises(ValueError, match="seen"):
        probabilities(np.zeros(3), SamplingConfig(repetition_penalty=2.0))


EXTREME = st.sampled_from([5e-324, 1e-300, 1e-5, 1.0, 1e5, 1e300, 1.7e308])


@given(
    temperature=EXTREME,
    repetition_penalty=EXTREME,
    top_p=st.sampled_from([0.0, 5e-324, 0.5, 1.0]),
    min_p=st.sampled_from([0.0, 5e-324, 1.0]),
    top_k=st.sampled_from([None, 1, 10**9]),
    scale=st.sampled_from([0.0, 1.0, 1e30]),
    seed=st.integers(0, 100),
)
def test_extreme_options_give_a_distribution(scale, seed, **options):
    rng = np.random.default_rng(seed)
    logits = (scale * rng.normal(size=(3, 7))).astype(np.float32)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        p = probabilities(logits, SamplingConfig(**options), rng.random((3, 7)) < 0.5)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-12)
