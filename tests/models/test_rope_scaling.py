"""What a file or a user may give as the scaling of rotary frequencies."""

import pytest

from scratchgpt.errors import UserError
from scratchgpt.models.rope_scaling import plain_rope_scaling

LINEAR = {"rope_type": "linear", "factor": 2.0}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}
OPTIONAL = {"beta_fast": 20, "beta_slow": 2.0, "attention_factor": 0.7, "truncate": False}


@pytest.mark.parametrize("scaling", [None, LINEAR, LLAMA3, YARN, {**YARN, **OPTIONAL}])
def test_a_complete_scaling_is_copied(scaling):
    copy = plain_rope_scaling(scaling)
    assert copy == scaling
    assert copy is None or copy is not scaling


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ({}, "must have a rope_type of linear, llama3, yarn"),
        ("linear", "must have a rope_type of linear, llama3, yarn"),
        ({"rope_type": None}, "must have a rope_type"),
        ({"rope_type": "dynamic", "factor": 2.0}, "must have a rope_type of linear, llama3, yarn"),
        ({"rope_type": "lama3"}, "did you mean 'llama3'"),
        ({"rope_type": "linear"}, "rope_type 'linear' needs factor"),
        ({**LINEAR, "beta_fast": 3.0}, "rope_type 'linear' has an unknown field 'beta_fast'"),
        ({**YARN, "beta_fst": 3.0}, "'beta_fst' with the value 3.0; did you mean 'beta_fast'"),
        ({**LINEAR, "truncate": True}, "unknown field 'truncate'"),
        ({**YARN, "mscale": 1.0}, "unknown field 'mscale'"),
        ({**LINEAR, "factor": 0}, "factor=0 must be a positive number"),
        ({**LINEAR, "factor": -2.0}, "factor=-2.0 must be a positive number"),
        ({**LINEAR, "factor": None}, "factor=None must be a positive number"),
        ({**LINEAR, "factor": "2"}, "factor='2' must be a positive number"),
        ({**LINEAR, "factor": True}, "factor=True must be a positive number"),
        ({**LINEAR, "factor": float("nan")}, "factor=nan must be a positive number"),
        ({**LINEAR, "factor": float("inf")}, "factor=inf must be a positive number"),
        ({**YARN, "beta_slow": 0.0}, "beta_slow=0.0 must be a positive number"),
        ({**YARN, "truncate": 1}, "truncate=1 must be true or false"),
        ({**LLAMA3, "low_freq_factor": 4.0}, "low_freq_factor=4.0 must be less than high_freq_f"),
    ],
)
def test_another_scaling_is_refused(scaling, message):
    with pytest.raises(UserError, match=message):
        plain_rope_scaling(scaling)


@pytest.mark.parametrize("scaling", [LINEAR, LLAMA3, YARN])
def test_every_field_that_is_needed_is_missed(scaling):
    for name in scaling.keys() - {"rope_type"}:
        with pytest.raises(UserError, match=f"needs {name}"):
            plain_rope_scaling({key: x for key, x in scaling.items() if key != name})


def test_an_optional_field_that_is_none_has_its_default():
    needed = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8}
    given = {**needed, "beta_fast": None, "truncate": None, "attention_factor": None}
    assert plain_rope_scaling(given) == needed
