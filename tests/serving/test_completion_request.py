import pytest

from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.completion_request import DEFAULT_TOKENS, parse_completion_request
from scratchgpt.serving.fields import Fields
from scratchgpt.serving.limits import Limits


def parsed(**values):
    return parse_completion_request(Fields(values), Limits())


@pytest.mark.parametrize(
    ("given", "prompts"),
    [
        (None, [""]),
        ("", [""]),
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
    ],
)
def test_prompts_are_texts_or_tokens(given, prompts):
    assert parsed(prompt=given).prompts == prompts


def test_the_defaults_and_the_log_probabilities():
    request = parsed()
    assert request.options.max_tokens == DEFAULT_TOKENS
    assert request.n_top is None
    assert parsed(logprobs=0).n_top == 0
    assert parsed(logprobs=5, n=2, best_of=2, echo=False, suffix="").n_top == 5


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"prompt": [[1], [True]]}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": ["a"] * 33}, "prompt"),
        ({"echo": True}, "echo"),
        ({"suffix": "end"}, "suffix"),
        ({"logprobs": 6}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"best_of": 3}, "best_of"),
    ],
)
def test_wrong_values_are_refused_by_name(values, param):
    with pytest.raises(APIError) as caught:
        parsed(**values)
    assert caught.value.param == param
