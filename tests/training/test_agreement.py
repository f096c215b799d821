"""What the workers of a run agree on."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.training import Objective
from scratchgpt.training.agreement import (
    check_divisible,
    check_equal,
    check_same_parameters,
    check_same_start,
    failing_together,
    first_of,
)


class Others:
    """Worker 1 of 3, whose others say what a test lets them say."""

    rank, size, local_rank = 1, 3, 1

    def __init__(self, before, after):
        self.before, self.after = before, after

    def gather(self, text):
        return [self.before, text, self.after]


class Whole(Objective):
    splits = False
    whole_because = "its rows depend on each other"

    weight = loss = loss_backward = None


@pytest.mark.parametrize(
    ("grad_accum", "n", "advice"),
    [(3, 2, "choose 2 or 4"), (1, 4, "choose 4, and"), (10, 4, "choose 8 or 12")],
)
def test_micro_batches_that_cannot_be_divided_are_refused(grad_accum, n, advice):
    check_divisible(n * grad_accum, n, Objective)
    with pytest.raises(UserError, match=f"grad_accum={grad_accum} is not divisible .*{advice}"):
        check_divisible(grad_accum, n, Objective)


def test_a_loss_that_does_not_split_is_refused():
    with pytest.raises(UserError, match=r"Whole .* 2 workers, because its rows .* with 1 worker"):
        check_divisible(1, 2, Whole())


def test_an_error_of_one_worker_ends_all():
    with (
        pytest.raises(UserError, match="worker 2 of 3: no disk"),
        failing_together(Others("", "no disk")),
    ):
        pass
    with pytest.raises(UserError, match=r"^mine$"), failing_together(Others("", "no disk")):
        raise UserError("mine")
    with failing_together(Others("", "")):
        pass


def test_values_that_differ_are_named():
    check_equal(Others('{"lr": 1}', '{"lr": 1}'), {"lr": 1})
    with pytest.raises(UserError, match="differ in lr: 1 for worker 0, 2 for worker 2; start all"):
        check_equal(Others('{"lr": 1}', '{"lr": 2}'), {"lr": 1})
    with pytest.raises(UserError, match="differ in bias: None for worker 0, True for worker 2"):
        check_equal(Others("{}", '{"bias": true}'), {})


def test_versions_settings_and_parameters_are_compared(make_model):
    texts = []

    class Recording(Others):
        def gather(self, text):
            texts.append(text)
            return [text] * 3

    model = make_model()
    settings = {"seed": 1, "train_config": {"lr": 0.1}, "data": "abc"}
    check_same_start(Recording("", ""), settings, model)
    for fact in ("the version of NumPy", '"lr": 0.1', '"the data": "abc"', '"the seed": 1'):
        assert fact in texts[0]
    before = texts[1]
    model.store.values[3] += np.float32(1e-3)
    check_same_parameters(Recording("", ""), model, 0)
    assert texts[-1] != before


def test_the_first_text_counts():
    assert first_of(Others("", "c"), "b") == "b"
    assert first_of(Others("a", "c"), "b") == "a"
    assert first_of(Others("", ""), "") == ""
