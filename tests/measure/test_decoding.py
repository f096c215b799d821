import pytest

from scratchgpt.measure.decoding import time_tokens, weight_bytes
from scratchgpt.models import GPT, QuantizedGPT


def test_a_token_reads_all_parameters_but_the_positions(shape):
    model = GPT(shape.config)
    c = shape.config
    n_read = model.describe().n_parameters - c.block_size * c.n_embd
    assert weight_bytes(model) == 4 * n_read


def test_with_a_head_of_its_own_it_reads_no_embeddings_either(make_shape):
    model = GPT(make_shape(tied_head=False).config)
    description = model.describe()
    n_read = description.n_parameters - description.n_embedding_parameters
    assert weight_bytes(model) == 4 * n_read


def test_in_int8_a_weight_is_a_byte_and_an_output_has_a_scale(make_shape):
    config = make_shape(bias=False, tied_head=False, n_layer=1).config
    c = config.n_embd
    matrices = 3 * c * c + c * c + 2 * 4 * c * c + config.vocab_size * c
    outputs = 3 * c + c + 4 * c + c + config.vocab_size
    norms = 3 * c
    assert weight_bytes(QuantizedGPT(GPT(config))) == matrices + 4 * outputs + 4 * norms


@pytest.mark.parametrize("block_size", [1, 2, 10, 200])
@pytest.mark.parametrize("make", [lambda model: model, QuantizedGPT], ids=["float32", "int8"])
def test_a_full_text_starts_again_from_its_prompt(make_shape, block_size, make):
    model = make(GPT(make_shape(block_size=block_size).config))
    assert time_tokens(model, seconds=3600, most=120).n == 120
