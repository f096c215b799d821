import pytest

from scratchgpt.chat.ppo_settings import PPOSettings
from scratchgpt.errors import UserError


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"clip": 0}, "clip=0 must be between 0 and 1"),
        ({"clip": "a"}, "clip='a' must be a number"),
        ({"gamma": 1.5}, "gamma=1.5 must not be more than 1"),
        ({"lam": -0.1}, "lam=-0.1 must be a number, 0 or more"),
        ({"beta": float("inf")}, "beta=inf must be finite"),
        ({"value": "shard"}, "value='shard' is not one of separate, shared; did you mean 'shared'"),
        ({"whitening": "all"}, "whitening='all' is not one of batch, minibatch, none"),
        ({"whiten_rewards": 1}, "whiten_rewards=1 must be true or false"),
        ({"kl_target": 6, "beta": 0}, "kl_target=6 needs a beta above 0"),
    ],
    ids=range(9),
)
def test_wrong_settings_are_refused(setting, message):
    with pytest.raises(UserError, match=message):
        PPOSettings(**setting)
