import json

import numpy as np
import pytest

from scratchgpt.embeddings import TextEncoder
from scratchgpt.embeddings.exchange.prompts_file import has_prompts, read_prompts, write_prompts
from scratchgpt.embeddings.prompts import Prompts
from scratchgpt.training.model_files import save_model


def test_prompts_are_read_as_they_were_written(tokenizer, tmp_path):
    tokenizer = tokenizer.with_around([4], [5, 6])
    prompts = Prompts({"query": "q: ", "document": "", "title": "é"}, "title", [4], [5, 6])
    assert not has_prompts(tmp_path)
    write_prompts(tmp_path, prompts)
    assert has_prompts(tmp_path)
    assert read_prompts(tmp_path, tokenizer) == prompts


def test_prompts_that_are_not_given_are_empty(tokenizer, tmp_path):
    empty = Prompts({"query": "", "document": ""}, None, [], [])
    assert read_prompts(tmp_path, tokenizer) == empty
    path = tmp_path / "config_sentence_transformers.json"
    for content in ({}, {"prompts": None}, {"prompts": {"query": None}}):
        path.write_text(json.dumps(content))
        assert read_prompts(tmp_path, tokenizer) == empty


@pytest.mark.parametrize("default", ["query", None])
def test_a_folder_of_ours_with_prompts_is_an_encoder_without_roles(
    make_encoder, tokenizer, tmp_path, default
):
    model = make_encoder().model
    around = tokenizer.with_around([], [3])
    encoder = TextEncoder(model, around, Prompts({"query": "a ", "document": ""}, default, [], [3]))
    save_model(tmp_path, model, around)
    write_prompts(tmp_path, encoder.prompts)
    read = TextEncoder.from_pretrained(tmp_path)
    assert read.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(read.encode("b"), encoder.encode("b"))
    assert encoder.tokenize(["b"])[0][-1] == 3
    same = (encoder.encode("b") == encoder.encode_query("b")).all()
    assert same == (default == "query")
