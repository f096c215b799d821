import base64

import numpy as np
import pytest

from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.embedding_request import embedding_answer, parse_embedding_request
from scratchgpt.serving.fields import Fields
from scratchgpt.serving.limits import Limits


def parsed(**values):
    return parse_embedding_request(Fields(values), Limits(inputs=3), 8)


def test_texts_and_options_are_read():
    request = parsed(input="a")
    assert request == (["a"], "float", None, "document")
    request = parsed(input=["a", ""], encoding_format="base64", dimensions=8, input_type="query")
    assert request == (["a", ""], "base64", 8, "query")


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a"] * 4}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1], [2]]}, "input"),
        ({"input": ["a", None]}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 9}, "dimensions"),
        ({"input": "a", "input_type": "passage"}, "input_type"),
    ],
)
def test_wrong_values_are_refused_by_name(values, param):
    with pytest.raises(APIError) as caught:
        parsed(**values)
    assert caught.value.param == param


def test_both_encodings_have_the_same_numbers(rng):
    vectors = rng.standard_normal((2, 5)).astype(np.float32)
    answers = [
        embedding_answer(vectors, parsed(input=["a", "b"], encoding_format=encoding), "m", 7)
        for encoding in ("float", "base64")
    ]
    numbers, coded = ([one["embedding"] for one in answer["data"]] for answer in answers)
    np.testing.assert_array_equal(np.array(numbers, np.float32), vectors)
    decoded = [np.frombuffer(base64.b64decode(one), "<f4") for one in coded]
    np.testing.assert_array_equal(decoded, vectors)
    assert answers[0]["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    assert [one["index"] for one in answers[0]["data"]] == [0, 1]
