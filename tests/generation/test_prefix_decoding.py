import numpy as np
import pytest

from scratchgpt.generation.prefix_decoding import PrefixDecoding
from scratchgpt.models import QuantizedGPT


@pytest.mark.parametrize(("kind", "tolerance"), [("float64", 1e-12), ("float32", 2e-4)])
def test_logits_equal_those_of_the_whole_text(make_model, assert_close, kind, tolerance):
    model = make_model(np.dtype(kind))
    decoding = PrefixDecoding(model)
    texts = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 9], [1, 2, 9, 7, 3, 4, 8], [1], [22] * 10]
    computed = []
    for text in texts:
        logits, n = decoding.begin(text)
        computed.append(n)
        assert_close(logits[0], model.forward(np.array([text]))[0][0, -1], tolerance)
    assert computed == [5, 1, 1, 4, 1, 10]


def test_appended_tokens_are_known_to_the_next_text(make_model, assert_close):
    for model in (make_model(), QuantizedGPT(make_model(np.float32))):
        decoding = PrefixDecoding(model)
        decoding.begin([1, 2])
        for token in (3, 4, 5):
            decoding.advance(token)
        assert decoding.tokens == [1, 2, 3, 4, 5]
        assert decoding.n_known([1, 2, 3, 4, 5, 6, 7]) == 5
        logits, n = decoding.begin([1, 2, 3, 4, 6, 7])
        assert n == 2
        fresh, n = PrefixDecoding(model).begin([1, 2, 3, 4, 6, 7])
        assert n == 6
        assert_close(logits, fresh, 1e-4)
