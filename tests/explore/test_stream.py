"""The stations of the residual stream, their gradients and their lenses."""

import numpy as np

from scratchgpt.explore.content import prepare
from scratchgpt.explore.stream import best, probabilities, shares


def test_both_gradients_add_up_at_every_fan_out(each_content):
    content = each_content
    model = content.step.model
    config = model.config
    is_gpt = hasattr(model, "transformer")
    n = 2 * 2 if is_gpt else 2 * 1 + 3 * 2
    ends = 0 if config.norm_position == "post" else 1 if is_gpt else 2
    assert len(content.stations) == n + ends
    with_two = [s for s in content.stations if s.past is not None]
    assert len(with_two) == n
    for station in with_two:
        past, through, dx = (
            content.values[v].array for v in (station.past, station.through, station.dx)
        )
        np.testing.assert_array_equal(past + through, dx)
        norms = shares(station)
        assert norms[0] > 0
        assert norms[1] > 0
        assert -1 <= norms[2] <= 1


def test_the_lens_at_the_end_of_the_stream_is_the_output_of_the_model(step):
    content = prepare(step, landscape=False)
    logits = step.model.forward(step.batch.tokens)[0][0]
    last = content.stations[-1]
    assert last.name == "ln_f"
    np.testing.assert_allclose(last.logits, logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(probabilities(logits).sum(axis=-1), 1, rtol=1e-6)


def test_a_step_against_the_gradient_moves_logits_as_the_lens_says(step):
    content = prepare(step, landscape=False)
    last = content.stations[-1]
    head = step.model.lm_head.weight.value
    dx = content.values[last.dx].array
    np.testing.assert_allclose(last.pushed, (0 - dx) @ head.T, rtol=1e-5, atol=1e-7)


def test_a_large_vocabulary_has_no_lens_arrays(make_step):
    content = prepare(make_step("gpt", vocab_size=600), landscape=False)
    assert all(station.lens is None for station in content.stations)
    assert content.stations[0].logits.shape == (7, 600)


def test_best_are_the_largest_in_order():
    row = np.array([3.0, 1.0, 5.0, 5.0, -1.0])
    assert best(row, 3) == [2, 3, 0]
    assert best(row, 9) == [2, 3, 0, 1, 4]
