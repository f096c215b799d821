"""Folders that are written for sentence-transformers, and what it computes from them."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from scratchgpt.backend import random_stream
from scratchgpt.embeddings import TextEncoder
from scratchgpt.errors import UserError
from scratchgpt.models import GPT

FORMS = {
    "gpt2": {},
    "gpt2, mean": {"pooling": "mean"},
    "without biases": {"bias": False, "n_inner": 20},
    "exact gelu, untied": {"activation": "gelu", "tied_head": False},
    "scores divided by layer": {"scale_attn_by_inverse_layer_idx": True},
    "gpt1, mean": {"norm_position": "post", "pooling": "mean"},
}
TEXTS = ["", "a", " a  ", "line\n", "snake_case x1 π", "<|nothing|>", "read the file " * 20]


def encoder_of(make_encoder, form, **changes):
    return make_encoder(**{"pooling": "last", **FORMS[form], **changes})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:texts longer")
def test_sentence_transformers_computes_the_same_vectors(
    sentence_transformers, make_encoder, tmp_path, texts, form
):
    """Also for a text that is cut, whose end token stays; in batches with padding, and alone."""
    encoder = encoder_of(make_encoder, form)
    encoder.save_pretrained(tmp_path)
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path), device="cpu")
    some = [*TEXTS, *texts(12, 30)]
    for verb in ("encode_query", "encode_document", "encode"):
        ours = getattr(encoder, verb)(some)
        np.testing.assert_allclose(getattr(theirs, verb)(some, batch_size=5), ours, atol=1e-5)
        np.testing.assert_allclose(getattr(theirs, verb)(some[4]), ours[4], atol=1e-5)
    options = {"truncate_dim": 5, "normalize_embeddings": True}
    np.testing.assert_allclose(
        theirs.encode(some, **options), encoder.encode(some, **options), atol=1e-5
    )
    np.testing.assert_allclose(
        theirs.encode(some, prompt="the "), encoder.encode(some, prompt="the "), atol=1e-5
    )
    assert encoder.n_truncated > 0
    assert theirs.max_seq_length == encoder.max_tokens
    assert theirs.prompts == encoder.prompts.texts
    assert theirs.default_prompt_name == "document"
    assert theirs.similarity_fn_name == "cosine"
    close = theirs.similarity(theirs.encode(some), theirs.encode(some))
    np.testing.assert_allclose(
        close, encoder.similarity(encoder.encode(some), encoder.encode(some)), atol=1e-5
    )


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read_back(make_encoder, tmp_path, form, assert_close):
    encoder = encoder_of(make_encoder, form, dims=(7, 3), dropout=0.1)
    encoder.save_pretrained(tmp_path)
    read = TextEncoder.from_pretrained(tmp_path)
    some = TEXTS[:-1]
    expected = encoder.encode_query(some)
    if encoder.model.config.bias:
        np.testing.assert_array_equal(read.encode_query(some), expected)
    assert_close(read.encode_query(some), expected, 1e-6)
    assert read.prompts == encoder.prompts
    assert read.scale == encoder.scale
    written = encoder.model.config.replace(bias=True, tied_head=True)
    assert read.model.config == written


def test_what_was_read_is_written_with_the_same_bytes(make_encoder, tmp_path):
    make_encoder(dims=(5,)).save_pretrained(tmp_path / "a")
    TextEncoder.from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "b")
    names = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(names) == 8
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_the_files(make_encoder, tmp_path):
    encoder = make_encoder(pooling="last")
    encoder.save_pretrained(tmp_path)

    def read(name):
        return json.loads((tmp_path / name).read_text(encoding="utf-8"))

    assert [(m["idx"], m["path"], m["type"]) for m in read("modules.json")] == [
        (0, "", "sentence_transformers.models.Transformer"),
        (1, "1_Pooling", "sentence_transformers.models.Pooling"),
        (2, "2_Normalize", "sentence_transformers.models.Normalize"),
    ]
    pooling = read("1_Pooling/config.json")
    assert {name for name, value in pooling.items() if value is True} == {
        "pooling_mode_lasttoken",
        "include_prompt",
    }
    assert read("sentence_bert_config.json")["max_seq_length"] == 24
    config = read("config.json")
    assert config["architectures"] == ["GPT2Model"]
    assert config["n_positions"] == 24
    assert read("config_sentence_transformers.json")["prompts"] == {
        "query": "<|query|>",
        "document": "<|document|>",
    }
    names = set(load_file(tmp_path / "model.safetensors"))
    assert {"wte.weight", "h.1.mlp.c_proj.bias", "ln_f.weight"} < names
    assert not any("head" in name or "scale" in name for name in names)


def test_other_programs_read_the_body_as_a_gpt(make_encoder, transformers, tmp_path):
    encoder = make_encoder(bias=False)
    encoder.save_pretrained(tmp_path)
    tokens = random_stream(0, "x").integers(0, 31, (2, 9))
    states = encoder.model.transformer.forward(tokens)[0]
    theirs = transformers.AutoModel.from_pretrained(tmp_path)
    import torch

    with torch.no_grad():
        np.testing.assert_allclose(theirs(torch.from_numpy(tokens))[0], states, atol=1e-4)
    np.testing.assert_allclose(
        GPT.from_pretrained(tmp_path).transformer.forward(tokens)[0], states, atol=1e-5
    )


def test_the_tokenizer_file_has_the_end_for_other_programs(make_encoder, transformers, tmp_path):
    encoder = make_encoder()
    encoder.save_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    [row] = encoder.tokenize(["read x1"], prompt_name="query")
    assert theirs("<|query|>read x1")["input_ids"] == row.tolist()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"norm_position": "post", "activation": "gelu"}, "activation='gelu'"),
        ({"norm_position": "post", "n_inner": 20}, "n_inner=20"),
    ],
)
def test_what_no_published_model_is_is_refused_before_anything_is_written(
    make_encoder, tmp_path, changes, reason
):
    with pytest.raises(UserError, match=f"the model has {reason}, which transformers does not"):
        make_encoder(**changes).save_pretrained(tmp_path / "out")
    assert not (tmp_path / "out").exists()
