"""Commands on encoders: export, import, info, and those that are for other models."""

import json

import numpy as np
import pytest

from scratchgpt.embeddings import TextEncoder, add_roles
from scratchgpt.embeddings.prompts import Prompts
from scratchgpt.models import GPTEncoder, GPTEncoderConfig
from scratchgpt.text import train_bpe
from scratchgpt.training.model_files import save_model

TOKENIZER = add_roles(train_bpe(["the quick brown fox jumps over the lazy dog\n" * 9], 290))
TEXTS = ["a fox", "the lazy dog", ""]


def encoder(**changes):
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 16}
    config = GPTEncoderConfig(**{**sizes, "vocab_size": TOKENIZER.vocab_size, **changes})
    return TextEncoder(GPTEncoder(config, seed=5), TOKENIZER)


@pytest.fixture
def run(tmp_path):
    """The folder of a run with an encoder."""
    one = encoder(dims=(4,), dropout=0.1, bias=False)
    save_model(tmp_path / "run" / "best", one.model, TOKENIZER)
    return tmp_path / "run"


def test_an_exported_encoder_is_imported_again(scratchgpt, run, tmp_path):
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    outcome = scratchgpt("export", run, "--out", theirs, "--json")
    assert outcome.status == 0, outcome.stderr
    record = json.loads(outcome.stdout)
    assert record["format"] == "sentence-transformers"
    assert record["n_parameters"] == encoder(bias=False).model.store.size
    outcome = scratchgpt("import", theirs, "--out", mine, "--dropout", 0.2)
    assert outcome.status == 0, outcome.stderr
    assert outcome.stdout.startswith(f"imported {theirs} to {mine}: ")
    expected = TextEncoder.from_pretrained(run)
    for folder in (theirs, mine):
        read = TextEncoder.from_pretrained(folder)
        np.testing.assert_allclose(read.encode_query(TEXTS), expected.encode_query(TEXTS), 1e-5)
        assert read.model.config.dims == (4,)
    assert read.model.config.dropout == 0.2
    files = {path.name for path in mine.iterdir()}
    assert files == {"config.json", "model.safetensors", "tokenizer.json"}


def test_a_folder_of_sentence_transformers_is_exported_as_it_is(scratchgpt, run, tmp_path):
    for source, out in ((run, "a"), (tmp_path / "a", "b")):
        assert scratchgpt("export", source, "--out", tmp_path / out).status == 0
    for path in (tmp_path / "a").rglob("*.*"):
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == other.read_bytes()


def test_prompts_that_are_texts_are_imported_with_the_model(scratchgpt, tmp_path):
    prompts = Prompts({"query": "the ", "document": "", "title": "fox "}, "title", [], [0])
    one = TextEncoder(encoder().model, TOKENIZER, prompts)
    one.save_pretrained(tmp_path / "theirs")
    assert scratchgpt("import", tmp_path / "theirs", "--out", tmp_path / "mine").status == 0
    read = TextEncoder.from_pretrained(tmp_path / "mine")
    assert read.prompts == prompts
    np.testing.assert_array_equal(read.encode(TEXTS), one.encode(TEXTS))


def test_an_imported_encoder_without_start_tokens_is_not_evaluated(scratchgpt, refused, tmp_path):
    prompts = Prompts({"query": "the ", "document": ""}, None, [], [0])
    TextEncoder(encoder().model, TOKENIZER, prompts).save_pretrained(tmp_path / "theirs")
    assert scratchgpt("import", tmp_path / "theirs", "--out", tmp_path / "mine").status == 0
    (tmp_path / "pairs.tsv").write_text("a\tfox\nb\tdog\n")
    error = refused("eval", "--model", tmp_path / "mine", tmp_path / "pairs.tsv")
    assert "was imported with prompts that are texts" in error
    for command in (("eval", tmp_path / "pairs.tsv"), ("generate", "--prompt", "a")):
        error = refused(*command, "--model", tmp_path / "theirs")
        assert "is a model of sentence-transformers, which encodes texts as vectors" in error


def test_an_encoder_is_evaluated_on_pairs(scratchgpt, run, tmp_path):
    (tmp_path / "pairs.tsv").write_text("a fox\tthe fox\nthe dog\tlazy dog\n")
    outcome = scratchgpt("eval", "--model", run, tmp_path / "pairs.tsv")
    assert outcome.status == 0, outcome.stderr
    assert "BM25" in outcome.stdout


def test_weights_may_be_in_several_files(scratchgpt, tmp_path):
    one = encoder(n_layer=2, n_embd=160, n_head=4)
    save_model(tmp_path / "run", one.model, TOKENIZER)
    out = tmp_path / "out"
    assert scratchgpt("export", tmp_path / "run", "--out", out, "--shard-size", 1).status == 0
    assert len(list(out.glob("model-*.safetensors"))) == 4
    np.testing.assert_array_equal(TextEncoder.from_pretrained(out).encode(TEXTS), one.encode(TEXTS))


def test_info_shows_the_sizes_of_an_encoder(scratchgpt, run):
    outcome = scratchgpt("info", run)
    assert outcome.status == 0, outcome.stderr
    assert "pooling mean, dims" in " ".join(outcome.stdout.split())
    assert "memory of a training step" in outcome.stdout
    assert "key-value cache" not in outcome.stdout
    assert "generation" not in outcome.stdout
    record = json.loads(scratchgpt("info", run, "--json").stdout)
    assert record["n_parameters"] == encoder(bias=False).model.store.size
    assert record["config"]["dims"] == [4]


def test_commands_for_other_models_say_what_to_use(refused, run, tmp_path):
    error = refused("generate", "--model", run, "--prompt", "a")
    assert "encodes texts as vectors; use scratchgpt embed" in error
    assert "encodes texts as vectors" in refused("translate", "--model", run, "a")
    assert "encodes texts as vectors" in refused("quantize", run, "--out", tmp_path / "q")
    (tmp_path / "a.txt").write_text("a b c\n" * 99)
    error = refused("train", tmp_path / "a.txt", "--init", run, "--out", tmp_path / "t")
    assert "encodes texts as vectors" in error


def test_other_formats_and_tokenizers_are_refused(refused, run, scratchgpt, tmp_path):
    out = tmp_path / "out"
    for name in ("nanogpt", "mingpt", "llm.c"):
        error = refused("export", run, "--format", name, "--out", out)
        assert f"--format {name}: the model in {run / 'best'} is an encoder of texts" in error
    assert scratchgpt("export", run, "--out", tmp_path / "theirs").status == 0
    error = refused("import", tmp_path / "theirs", "--tokenizer", run / "best", "--out", out)
    assert "an encoder needs the tokenizer that it was trained with" in error
    (tmp_path / "theirs" / "modules.json").write_text("[]")
    assert "has the modules" in refused("import", tmp_path / "theirs", "--out", out)
    save_model(tmp_path / "odd", encoder(norm_position="post", activation="gelu").model, TOKENIZER)
    error = refused("export", tmp_path / "odd", "--out", out)
    assert "activation='gelu', which transformers does not support in a model of this form" in error
    assert not out.exists()
