import pytest

from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.fields import Fields
from scratchgpt.serving.generation_fields import check_model, parse_options
from scratchgpt.serving.limits import Limits


def options(**values):
    return parse_options(Fields(values), Limits(), None)


def test_the_defaults_are_those_of_openai_and_a_random_seed():
    one, other = options(), options()
    assert one.n == 1
    assert one.max_tokens is None
    assert (one.sampling.temperature, one.sampling.top_p) == (1, 1)
    assert one.stop == ()
    assert not one.stream
    assert one.seed != other.seed


def test_values_are_read():
    given = options(
        n=2,
        max_tokens=9,
        max_completion_tokens=7,
        temperature=0,
        top_p=0.5,
        seed=3,
        stop=["a", "b", "a"],
        stream=True,
        stream_options={"include_usage": True, "other": 1},
        presence_penalty=0,
        frequency_penalty=0.0,
        logit_bias={},
        user="somebody",
    )
    assert (given.n, given.max_tokens, given.seed, given.stop) == (2, 7, 3, ("a", "b"))
    assert given.sampling.greedy
    assert given.sampling.top_p == 0.5
    assert given.stream
    assert given.include_usage
    assert options(stop="x").stop == ("x",)
    assert options(stop=[]).stop == ()


def test_negative_seeds_are_different_seeds():
    assert len({options(seed=seed).seed for seed in (-1, 0, 1, -(2**63) + 1)}) == 4
    assert options(seed=-1).seed >= 0


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"n": 0}, "n"),
        ({"n": 9}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"seed": 1.5}, "seed"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": ["x" * 65]}, "stop"),
        ({"stop": 3}, "stop"),
        ({"stream": 1}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": 3}, "stream_options"),
        (
            {"stream": True, "stream_options": {"include_usage": 1}},
            "stream_options.include_usage",
        ),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"frequency_penalty": "x"}, "frequency_penalty"),
        ({"logit_bias": {"5": -100}}, "logit_bias"),
    ],
)
def test_wrong_values_are_refused_by_name(values, param):
    with pytest.raises(APIError) as caught:
        options(**values)
    assert caught.value.param == param
    assert caught.value.status == 400


def test_another_model_is_not_found():
    check_model(Fields({}), "mine")
    check_model(Fields({"model": "mine"}), "mine")
    with pytest.raises(APIError, match="there is no model 'gpt-4o' here; this server has 'mine'"):
        check_model(Fields({"model": "gpt-4o"}), "mine")
