from scratchgpt.measure import SHAPES
from scratchgpt.models import GPTConfig, describe


def test_the_shape_gpt2_is_the_preset():
    assert SHAPES["gpt2"].config == GPTConfig.from_preset("gpt2")


def test_arithmetic_is_counted_for_the_texts_as_long_as_they_are(shape):
    full = shape._replace(n_time=shape.config.block_size)
    assert full.training_flops == describe(shape.config).training_flops_per_token * full.n_tokens
    assert shape.training_flops / shape.n_tokens < full.training_flops / full.n_tokens


def test_arithmetic_grows_with_the_rows(shape):
    assert shape._replace(n_batch=9).training_flops == 3 * shape.training_flops
