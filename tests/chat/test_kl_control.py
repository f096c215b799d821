import numpy as np
import pytest

from scratchgpt.chat.kl_control import KLControl
from scratchgpt.errors import UserError


def test_without_a_target_beta_is_constant():
    control = KLControl(0.3)
    control.update(100.0, 64)
    assert control.beta == 0.3


@pytest.mark.parametrize("kl", [0.0, 5.5, 6.0, 6.7, 100.0])
def test_it_equals_the_controller_of_lm_human_preferences(kl):
    """``AdaptiveKLController.update`` in ``train_policy.py``, see ``test_advantages.py``."""
    control = KLControl(0.15, target=6, horizon=1000)
    expected = 0.15
    for n in (64, 32):
        control.update(kl, n)
        expected *= 1 + np.clip(kl / 6 - 1, -0.2, 0.2) * n / 1000
    assert control.beta == pytest.approx(expected, rel=1e-15)


def test_beta_rises_above_the_target_and_falls_below_it():
    control = KLControl(0.15, target=6)
    control.update(7.0, 100)
    assert control.beta > 0.15
    control.update(4.0, 300)
    assert control.beta < 0.15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta": -1}, "beta=-1 must be at least 0"),
        ({"beta": float("nan")}, "beta=nan"),
        ({"beta": 0.1, "target": -2}, "kl_target=-2 must be at least 0"),
        ({"beta": 0, "target": 6}, "kl_target=6 needs a beta above 0"),
        ({"beta": 0.1, "horizon": 0}, "kl_horizon=0 must be at least 1"),
    ],
    ids=range(5),
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        KLControl(**arguments)
