import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPTConfig
from scratchgpt.models.rope_scaling import plain_rope_scaling

LLAMA3 = {
    **{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    "original_max_position_embeddings": 8192,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}


@pytest.mark.parametrize(
    "scaling",
    [
        None,
        {"rope_type": "linear", "factor": 2},
        LLAMA3,
        {**YARN, "beta_fast": 16, "beta_slow": 2.0, "attention_factor": 0.9, "truncate": False},
    ],
)
def test_a_scaling_is_copied(scaling):
    copy = plain_rope_scaling(scaling)
    assert copy == scaling
    assert copy is None or copy is not scaling


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ({}, "must have a rope_type of linear, llama3, yarn"),
        (3, "rope_scaling=3 must have a rope_type"),
        ({"rope_type": "yarm"}, "did you mean 'yarn'?"),
        ({"rope_type": ["linear"]}, "must have a rope_type of linear"),
        ({"rope_type": "linear"}, "rope_scaling of rope_type 'linear' needs factor"),
        ({**YARN, "mscale": 1}, "unknown field 'mscale' with the value 1"),
        ({**YARN, "beta_fats": 1}, "did you mean 'beta_fast'?"),
        ({**YARN, "truncate": 1}, "truncate=1 must be true or false"),
        ({**YARN, "factor": 0}, "factor=0 must be positive and finite"),
        ({**YARN, "factor": float("inf")}, "factor=inf must be positive and finite"),
        ({**LLAMA3, "factor": "8"}, "factor='8' must be positive and finite"),
        ({**LLAMA3, "high_freq_factor": 1.0}, "low_freq_factor=1.0 must be less than high_freq"),
    ],
)
def test_another_scaling_is_refused_in_one_line(scaling, message):
    with pytest.raises(UserError) as caught:
        GPTConfig(rope_scaling=scaling)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
