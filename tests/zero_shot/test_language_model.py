"""A language model with its tokenizer, from objects and from folders."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import QuantizedGPT, Transformer, TransformerConfig
from scratchgpt.text import ByteTokenizer
from scratchgpt.zero_shot import LanguageModel


def test_a_folder_is_loaded(make_gpt, tmp_path):
    model = make_gpt(np.float32)
    model.save_pretrained(tmp_path / "m")
    ByteTokenizer().save(tmp_path / "m" / "tokenizer.json")
    loaded = LanguageModel.from_pretrained(tmp_path / "m")
    np.testing.assert_array_equal(loaded.model.store.values, model.store.values)
    assert loaded.tokenizer.vocab_size == 256


def test_a_quantized_model_is_dequantized(make_gpt):
    quantized = QuantizedGPT(make_gpt(np.float32))
    loaded = LanguageModel(quantized, ByteTokenizer())
    np.testing.assert_array_equal(loaded.model.store.values, quantized.dequantize().store.values)


def test_what_does_not_fit_is_refused(make_gpt, tmp_path):
    with pytest.raises(UserError, match="they do not belong together"):
        LanguageModel(make_gpt(vocab_size=31), ByteTokenizer())
    config = TransformerConfig(
        n_encoder_layer=1, n_decoder_layer=1, n_head=1, n_embd=4, block_size=4, vocab_size=9
    )
    Transformer(config).save_pretrained(tmp_path / "t")
    with pytest.raises(UserError, match="translates, it does not continue texts"):
        LanguageModel.from_pretrained(tmp_path / "t")
    with pytest.raises(UserError, match="there is no folder"):
        LanguageModel.from_pretrained(tmp_path / "nothing")
