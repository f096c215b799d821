"""The frequencies and angles of rotary positions, and their scalings."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.layers import Rotary
from scratchgpt.layers.rotary import ROPE_TYPES
from scratchgpt.models.rope_scaling import check_rope_scaling
from scratchgpt.ops import rotary_forward

LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}
# A scaling, with the base and the head size of a model that has it.
SCALINGS = {
    "linear": ({"rope_type": "linear", "factor": 2.5}, 10_000.0, 64),
    "llama3": (LLAMA3, 500_000.0, 128),
    "llama3, other limits": (
        {**LLAMA3, "factor": 32.0, "low_freq_factor": 2.0, "high_freq_factor": 7.0},
        10_000.0,
        64,
    ),
    "yarn": (YARN, 1_000_000.0, 128),
    "yarn, other limits": ({**YARN, "beta_fast": 20.0, "beta_slow": 2.0}, 10_000.0, 48),
    "yarn, exact limits": ({**YARN, "truncate": False}, 10_000.0, 64),
    "yarn, attention factor": ({**YARN, "attention_factor": 0.7}, 10_000.0, 64),
    "yarn, nothing given": (
        {**YARN, "beta_fast": None, "beta_slow": None, "attention_factor": None},
        10_000.0,
        64,
    ),
    "yarn, no extension": ({**YARN, "factor": 1.0}, 10_000.0, 64),
    "yarn, beyond the last pair": ({**YARN, "original_max_position_embeddings": 256}, 2.0, 8),
    "yarn, all pairs slowed": ({**YARN, "original_max_position_embeddings": 4}, 10_000.0, 8),
}
each_scaling = pytest.mark.parametrize(("scaling", "theta", "d"), SCALINGS.values(), ids=SCALINGS)


def test_the_first_pair_turns_by_one_radian_and_the_others_more_slowly(assert_close):
    rotary = Rotary(6, theta=1000.0)
    assert_close(rotary.frequencies, [1, 0.1, 0.01], 1e-15)
    assert rotary.attention_factor == 1


def test_the_angle_is_position_times_frequency(assert_close):
    rotation = Rotary(4, theta=100.0).at(np.array([0, 1, 30]), like=np.empty(0))
    angles = np.array([[0, 0], [1, 0.1], [30, 3]])
    assert_close(rotation.cos, np.cos(angles), 1e-15)
    assert_close(rotation.sin, np.sin(angles), 1e-15)
    assert rotation.pairing == "halves"
    assert Rotary(4, theta=100.0, pairing="neighbors").at(np.arange(3), np.empty(0)).pairing == (
        "neighbors"
    )


def test_texts_with_their_own_positions_have_an_axis_for_the_heads(rng):
    rotary, positions = Rotary(6, theta=50.0), np.array([[0, 1, 2, 3], [7, 3, 5, 9]])
    rotation = rotary.at(positions, like=np.empty(0))
    assert rotation.cos.shape == rotation.sin.shape == (2, 1, 4, 3)
    x = rng.standard_normal((2, 5, 4, 6))
    y, _ = rotary_forward(x, *rotation)
    for b in range(2):
        one, _ = rotary_forward(x[b], *rotary.at(positions[b], like=x))
        np.testing.assert_array_equal(y[b], one)


def test_reversed_angles_are_negative():
    forwards, backwards = (
        Rotary(8, theta=30.0, reversed=sign).at(np.arange(5), like=np.empty(0))
        for sign in (False, True)
    )
    np.testing.assert_array_equal(backwards.cos, forwards.cos)
    np.testing.assert_array_equal(backwards.sin, -forwards.sin)
    assert (forwards.sin[1] > 0).all()


def test_reversed_angles_are_those_of_nanochat(torch, transformers, rng, assert_close):
    from transformers.models.nanochat.modeling_nanochat import apply_rotary_pos_emb

    x = rng.standard_normal((2, 3, 5, 8))
    rotary = Rotary(8, theta=30.0, reversed=True)
    y, _ = rotary_forward(x, *rotary.at(np.arange(5), like=x))
    forwards = Rotary(8, theta=30.0).at(np.arange(5), like=x)
    tables = (torch.tensor(np.tile(table, 2)[None]) for table in forwards[:2])
    expected, _ = apply_rotary_pos_emb(torch.tensor(x), torch.tensor(x), *tables)
    assert_close(y, expected.numpy(), 1e-14)


def test_angles_are_exact_at_late_positions_also_in_float32(assert_close):
    """In float32, the angle itself would be wrong by 0.004 radians."""
    t = 100_003
    rotation = Rotary(2, theta=10_000.0).at(np.array([t]), like=np.empty(0, np.float32))
    assert rotation.cos.dtype == rotation.sin.dtype == np.float32
    assert_close(rotation.cos[0, 0], np.cos(float(t)), 1e-7)
    assert_close(rotation.sin[0, 0], np.sin(float(t)), 1e-7)


def test_cosine_and_sine_are_real_for_complex_inputs():
    rotation = Rotary(2, theta=9.0).at(np.arange(3), like=np.empty(0, np.complex128))
    assert rotation.cos.dtype == rotation.sin.dtype == np.float64


def test_tables_are_on_the_device_of_the_inputs(strict):
    rotary, positions = Rotary(6, theta=50.0), np.arange(4)
    expected = rotary.at(positions, like=np.empty(0))
    rotation = rotary.at(positions, like=strict.on_device(np.empty(0)))
    for actual, table in zip(rotation[:2], expected[:2], strict=True):
        assert isinstance(actual, strict.StrictArray)
        strict.assert_same(actual, table)


@each_scaling
def test_scaled_frequencies_are_those_of_transformers(scaling, theta, d, transformers):
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    check_rope_scaling(scaling)
    rotary = Rotary(d, theta=theta, scaling=scaling)
    config = transformers.LlamaConfig(
        hidden_size=3 * d,
        num_attention_heads=3,
        head_dim=d,
        max_position_embeddings=4 * scaling.get("original_max_position_embeddings", 2048),
        rope_parameters={**scaling, "rope_theta": theta},
    )
    frequencies, factor = ROPE_INIT_FUNCTIONS[scaling["rope_type"]](config, "cpu")
    np.testing.assert_allclose(rotary.frequencies, frequencies.double().numpy(), rtol=1e-6)
    assert rotary.attention_factor == pytest.approx(factor, rel=1e-6)
    if scaling["factor"] > 1:
        unscaled = Rotary(d, theta=theta).frequencies
        assert not np.allclose(rotary.frequencies, unscaled, rtol=1e-3), "nothing was scaled"


def test_linear_scaling_divides_the_positions(assert_close):
    like, positions = np.empty(0), np.arange(6)
    scaled = Rotary(6, theta=9.0, scaling={"rope_type": "linear", "factor": 2.0})
    expected = Rotary(6, theta=9.0).at(positions, like)
    actual = scaled.at(2 * positions, like)
    assert_close(actual.cos, expected.cos, 1e-15)
    assert_close(actual.sin, expected.sin, 1e-15)


def test_llama3_scales_by_the_number_of_turns(assert_close):
    """The base is 256 and D = 8, so the frequencies are 1, 1/4, 1/16 and 1/64.

    In a context of 20 π positions, they make 10, 2.5, 0.625 and 0.15625 turns. The first is kept,
    and the last two are divided by 8. 2.5 turns is halfway between the limits 1 and 4.
    """
    scaling = {**LLAMA3, "original_max_position_embeddings": 20 * np.pi}
    rotary = Rotary(8, theta=256.0, scaling=scaling)
    assert_close(rotary.frequencies, [1, (1 + 1 / 8) / 2 / 4, 1 / 16 / 8, 1 / 64 / 8], 1e-14)
    assert rotary.attention_factor == 1


def test_yarn_blends_by_the_index_of_the_pair(assert_close):
    """The base is e⁴ and D = 8, so pair i has the frequency exp(-i).

    With a context of 2π exp(3) positions, pair i makes exp(3 - i) turns. The limits are those of
    pairs 1 and 3, so pair 2 is halfway.
    """
    scaling = {
        "rope_type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 2 * np.pi * np.exp(3),
        "beta_fast": np.exp(2),
        "beta_slow": 1.0,
        "truncate": False,
    }
    rotary = Rotary(8, theta=np.exp(4), scaling=scaling)
    slower = np.array([1, 1, (1 + 1 / 4) / 2, 1 / 4])
    assert_close(rotary.frequencies, slower * np.exp(-np.arange(4.0)), 1e-14)
    assert rotary.attention_factor == pytest.approx(1 + 0.1 * np.log(4), rel=1e-15)
    rotation = rotary.at(np.array([5]), like=np.empty(0))
    assert_close(rotation.cos[0], rotary.attention_factor * np.cos(5 * rotary.frequencies), 1e-15)
    assert_close(rotation.sin[0], rotary.attention_factor * np.sin(5 * rotary.frequencies), 1e-15)


def test_an_unknown_type_is_refused():
    with pytest.raises(ValueError, match="one of linear, llama3, yarn, got 'longrope'"):
        Rotary(8, theta=100.0, scaling={"rope_type": "longrope", "factor": 2.0})


def test_every_type_that_is_computed_can_be_configured():
    for kind in ROPE_TYPES:
        with pytest.raises(UserError, match=f"rope_type '{kind}' needs factor"):
            check_rope_scaling({"rope_type": kind})
