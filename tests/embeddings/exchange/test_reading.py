"""Folders that sentence-transformers wrote: the same vectors, or one clear line."""

import json
import shutil

import numpy as np
import pytest
from tokenizers import Tokenizer as Library
from tokenizers import processors

from scratchgpt.embeddings import TextEncoder
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import ByteTokenizer, train_bpe

TEXTS = ["", "a", " the fox  ", "jumps over\n", "the lazy dog " * 9]
TOKENIZER = train_bpe(["query: the quick brown fox jumps over the lazy dog\n" * 9], 300)
END = ("<|endoftext|>", TOKENIZER.end_of_text)
AROUND = {
    "end": processors.TemplateProcessing(single="$A <|endoftext|>", special_tokens=[END]),
    "start and end": processors.TemplateProcessing(
        single="<|endoftext|> $A <|endoftext|>", special_tokens=[END]
    ),
    "nothing": processors.ByteLevel(),
}


@pytest.fixture
def theirs(sentence_transformers, transformers, torch, tmp_path):
    """``theirs(**settings)`` makes a model of sentence-transformers and saves it."""
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    def make(*, around="end", pooling="lasttoken", normalize=True, max_length=20, **settings):
        torch.manual_seed(0)
        config = transformers.GPT2Config(
            n_layer=2,
            n_head=2,
            n_embd=16,
            n_positions=24,
            vocab_size=TOKENIZER.vocab_size,
            initializer_range=0.4,
            bos_token_id=0,
            eos_token_id=0,
        )
        transformers.GPT2Model(config).save_pretrained(tmp_path / "body")
        library = Library.from_str(json.dumps(TOKENIZER.to_json()))
        library.post_processor = AROUND[around]
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=library, eos_token=END[0], pad_token=END[0], model_max_length=24
        ).save_pretrained(tmp_path / "body")
        modules = [Transformer(str(tmp_path / "body"), max_seq_length=max_length)]
        modules += [Pooling(16, pooling)] + [Normalize()] * normalize
        model = sentence_transformers.SentenceTransformer(modules=modules, device="cpu", **settings)
        model.encode(["a"])  # sets padding and truncation, which are saved too
        model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
        return sentence_transformers.SentenceTransformer(str(tmp_path / "saved"), device="cpu")

    return make


PROMPTS = {"query": "query: ", "document": "", "marked": "<|endoftext|>the "}


@pytest.mark.filterwarnings("ignore:texts longer")
@pytest.mark.parametrize(
    ("around", "pooling", "normalize", "settings"),
    [
        ("end", "lasttoken", True, {"prompts": PROMPTS}),
        ("end", "mean", True, {"prompts": PROMPTS, "default_prompt_name": "query"}),
        ("start and end", "mean", False, {"prompts": {"passage": "the "}}),
        ("nothing", "lasttoken", True, {"max_length": None}),
    ],
    ids=["last token", "mean", "start token, without Normalize", "no tokens around a text"],
)
def test_the_vectors_are_the_same(theirs, tmp_path, around, pooling, normalize, settings):
    model = theirs(around=around, pooling=pooling, normalize=normalize, **settings)
    encoder = TextEncoder.from_pretrained(tmp_path / "saved")
    texts = TEXTS[around == "nothing" :]  # an empty text would have no tokens at all
    for verb in ("encode_query", "encode_document", "encode"):
        expected = getattr(model, verb)(texts, normalize_embeddings=True)
        np.testing.assert_allclose(getattr(encoder, verb)(texts), expected, atol=1e-5)
    for name in settings.get("prompts", {}):
        expected = model.encode(texts, prompt_name=name, normalize_embeddings=True)
        np.testing.assert_allclose(encoder.encode(texts, prompt_name=name), expected, atol=1e-5)
    assert encoder.max_tokens == model.max_seq_length
    assert encoder.n_truncated > 0


def test_a_text_without_tokens_is_refused(theirs, tmp_path):
    theirs(around="nothing")
    with pytest.raises(UserError, match="text 1 has no tokens"):
        TextEncoder.from_pretrained(tmp_path / "saved").encode(["a", ""])


# Without sentence-transformers: a folder of our own, with one setting changed.


@pytest.fixture
def folder(make_encoder, tmp_path):
    make_encoder().save_pretrained(tmp_path / "folder")
    return tmp_path / "folder"


def change(path, **values):
    content = json.loads(path.read_text(encoding="utf-8"))
    content = {name: value for name, value in {**content, **values}.items() if value is not ...}
    path.write_text(json.dumps(content), encoding="utf-8")


def refused(folder, message):
    with pytest.raises(UserError, match=message) as caught:
        TextEncoder.from_pretrained(folder)
    assert "\n" not in str(caught.value)


def test_the_fields_of_version_6_and_those_before_are_read(folder):
    vector = TextEncoder.from_pretrained(folder).encode("a b")
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"embedding_dimension": 12, "pooling_mode": "mean", "include_prompt": True})
    )
    np.testing.assert_array_equal(TextEncoder.from_pretrained(folder).encode("a b"), vector)


def test_the_model_may_be_in_a_folder_of_its_own(folder):
    vector = TextEncoder.from_pretrained(folder).encode("a b")
    own = folder / "0_Transformer"
    own.mkdir()
    for name in (
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        "sentence_bert_config.json",
    ):
        shutil.move(folder / name, own / name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    np.testing.assert_array_equal(TextEncoder.from_pretrained(folder).encode("a b"), vector)


def test_the_shorter_of_the_lengths_counts(folder):
    change(folder / "sentence_bert_config.json", max_seq_length=9)
    assert TextEncoder.from_pretrained(folder).max_tokens == 9
    change(folder / "sentence_bert_config.json", max_seq_length=None)
    change(folder / "tokenizer_config.json", model_max_length=8)
    assert TextEncoder.from_pretrained(folder).max_tokens == 8
    change(folder / "tokenizer_config.json", model_max_length=10**30)
    assert TextEncoder.from_pretrained(folder).max_tokens == 24


def test_without_our_own_fields_the_scale_is_that_of_a_new_encoder(folder):
    change(folder / "config.json", log_scale=..., matryoshka_dims=...)
    encoder = TextEncoder.from_pretrained(folder)
    assert encoder.scale == pytest.approx(20)
    assert encoder.model.config.dims == ()


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        (
            "1_Pooling/config.json",
            {"pooling_mode": "max"},
            "pooling .*'max'.* use lasttoken or mea",
        ),
        ("1_Pooling/config.json", {"pooling_mode": ["mean", "lasttoken"]}, "is not supported"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "is not supported"),
        ("1_Pooling/config.json", {"include_prompt": False}, "include_prompt=false is not"),
        ("1_Pooling/config.json", {"word_embedding_dimension": 13}, "13 channels, but .* has 12"),
        ("1_Pooling/config.json", {"word_embedding_dimension": "a"}, "not an integer"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "do_lower_case=True is not supp"),
        ("sentence_bert_config.json", {"query_length": 5}, "query_length=5 is not supported"),
        ("sentence_bert_config.json", {"transformer_task": "fill-mask"}, "transformer_task='fill"),
        ("sentence_bert_config.json", {"max_seq_length": -3}, "the maximum number of tokens is -3"),
        ("sentence_bert_config.json", {"max_seq_length": "x"}, "not a number"),
        ("tokenizer_config.json", {"truncation_side": "left"}, "truncation_side='left'; use right"),
        ("config_sentence_transformers.json", {"truncate_dim": 4}, "truncate_dim=4 is not"),
        ("config_sentence_transformers.json", {"similarity_fn_name": "euclidean"}, "by their cos"),
        ("config_sentence_transformers.json", {"prompts": {"query": 3}}, "prompts is"),
        (
            "config_sentence_transformers.json",
            {"default_prompt_name": "x"},
            "'x' is not in prompts",
        ),
        ("config.json", {"log_scale": 1e9}, "is damaged: log_scale is"),
        ("config.json", {"log_scale": float("nan")}, "is damaged: log_scale is nan"),
        ("config.json", {"matryoshka_dims": [3, 5]}, "from large to small"),
        ("config.json", {"architectures": ["BertModel"]}, "architectures names 'BertModel'"),
    ],
)
def test_settings_that_are_not_supported_are_refused(folder, file, values, message):
    change(folder / file, **values)
    refused(folder, message)


@pytest.mark.parametrize(
    ("change_modules", "message"),
    [
        (lambda m: [*m[:2], {**m[2], "type": "a.Dense"}], "modules Transformer, Pooling, Dense; "),
        (lambda m: m[1:], "has the modules Pooling, Normalize"),
        (lambda m: [{**m[0], "path": "../other"}, *m[1:]], "'../other', which is not a folder"),
        (lambda m: [m[0], {**m[1], "path": ".."}, m[2]], "which is not a folder beside it"),
        (lambda m: [m[0], {**m[1], "path": "1_P"}, m[2]], "there is no .*1_P.*config.json"),
        (lambda m: [{"type": 3}], "type is 3"),
        (lambda m: {"a": 1}, "not a list"),
    ],
)
def test_other_modules_are_refused(folder, change_modules, message):
    path = folder / "modules.json"
    path.write_text(json.dumps(change_modules(json.loads(path.read_text()))))
    refused(folder, message)


def test_vectors_of_any_length_that_are_compared_by_dot_products_are_refused(folder):
    path = folder / "modules.json"
    path.write_text(json.dumps(json.loads(path.read_text())[:2]))
    assert TextEncoder.from_pretrained(folder).encode("a").shape == (12,)
    change(folder / "config_sentence_transformers.json", similarity_fn_name="dot")
    refused(folder, "add the module Normalize")


def test_a_tokenizer_of_another_kind_is_refused(folder):
    ByteTokenizer().save(folder / "tokenizer.json")
    refused(folder, "has a tokenizer of kind bytes; an encoder needs bpe")


def test_a_body_that_is_another_model_is_refused(folder):
    GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=4, vocab_size=5)).save_pretrained(
        folder
    )
    refused(folder, "is for 12 channels, but the model in .* has 4")
