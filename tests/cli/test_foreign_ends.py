"""A model and a tokenizer whose text ends with ``</s>``: through every command that uses them."""

import json

import numpy as np
import pytest

from scratchgpt.models import GPT, GPTConfig, load_pretrained, load_quantized, save_pretrained
from scratchgpt.special_ids import SpecialIds
from scratchgpt.text import load_tokenizer, open_prepared, prepare

START, END, OTHER = 0, 2, 1  # <s>, </s> and <|endoftext|>, which the model does not use
IDS = SpecialIds(bos=START, eos=(5, END), named=END)


@pytest.fixture(scope="module")
def tokenizer_json():
    """A tokenizer like those of the library's ``ByteLevelBPETokenizer``."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<|endoftext|>", "</s>", "<pad>"]
    tokenizer.train_from_iterator(["the quick brown fox\n" * 9], 270, special_tokens=special)
    return tokenizer.to_str()


@pytest.fixture
def theirs(tmp_path, tokenizer_json):
    folder = tmp_path / "theirs"
    n_tokens = len(json.loads(tokenizer_json)["model"]["vocab"])
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 16}
    save_pretrained(GPT(GPTConfig(**sizes, vocab_size=n_tokens + 3)), folder)
    (folder / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<s>", "eos_token": "</s>"}')
    config = json.loads((folder / "config.json").read_text())
    config |= {"bos_token_id": START, "eos_token_id": [5, END]}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def check(folder):
    """Check that a model folder names the same ends as the first."""
    assert load_pretrained(folder).special_ids == IDS
    tokenizer = load_tokenizer(folder)
    assert tokenizer.end_of_text == END
    assert tokenizer.decode([END]) == ""
    config = json.loads((folder / "config.json").read_text())
    assert (config["bos_token_id"], config["eos_token_id"]) == (START, [5, END])
    return tokenizer


def test_import_export_quantize_and_fine_tuning_keep_the_ends(
    scratchgpt, theirs, text_file, tmp_path
):
    mine, out, small, run = (tmp_path / name for name in ("mine", "out", "small", "run"))
    first = check(theirs)
    for command in (
        ("import", theirs, "--out", mine),
        ("export", mine, "--out", out),
        ("quantize", out, "--out", small),
        ("train", text_file, "--init", mine, "--steps", 2, "--batch-size", 2, "--out", run),
        ("train", "--resume", "--steps", 3, "--out", run),
    ):
        outcome = scratchgpt(*command)
        assert outcome.status == 0, outcome.stderr
    for folder in (mine, out, run / "last"):
        assert check(folder).fingerprint == first.fingerprint
    names = json.loads((out / "tokenizer_config.json").read_text())
    assert (names["bos_token"], names["eos_token"]) == ("<s>", "</s>")
    assert load_quantized(small).special_ids == IDS
    assert load_tokenizer(small).end_of_text == END


def test_a_corpus_has_the_end_that_the_folder_names_after_each_document(theirs, tmp_path):
    documents = [tmp_path / name for name in ("a.txt", "b.txt")]
    for document in documents:
        document.write_text("the quick brown fox\n" * 5)
    words = [str(document) for document in documents]
    corpora = []
    for name, tokenizer in (("a", theirs), ("b", theirs / "tokenizer.json")):
        corpus = prepare(words, str(tokenizer), directory=tmp_path / name)
        tokens = corpus.tokens.read(0, len(corpus.tokens))
        assert (tokens == END).sum() == 2
        assert tokens[-1] == END
        assert not (tokens == OTHER).any()
        assert open_prepared(tmp_path / name).tokenizer.end_of_text == END
        corpora.append(corpus)
    assert corpora[0].fingerprint == corpora[1].fingerprint

    # Without the files that name it, the end is known by its usual name: another corpus.
    (theirs / "config.json").unlink()
    (theirs / "tokenizer_config.json").unlink()
    other = prepare(words, str(theirs), directory=tmp_path / "a")
    assert other.tokenizer.end_of_text == OTHER
    assert other.tokenizer.fingerprint != corpora[0].tokenizer.fingerprint
    assert other.tokens.read(0, len(other.tokens))[-1] == OTHER


def test_a_new_model_for_a_foreign_tokenizer_ends_with_its_end(
    scratchgpt, theirs, text_file, tiny, tmp_path
):
    run = tmp_path / "run"
    (theirs / "config.json").unlink()
    command = ("train", text_file, "--tokenizer", theirs, *tiny, "--steps", 1, "--out", run)
    assert scratchgpt(*command).status == 0
    assert load_pretrained(run).special_ids.ends == (END,)
    assert load_tokenizer(run).end_of_text == END


def test_a_text_without_a_prompt_begins_with_the_start_token(theirs, monkeypatch):
    from scratchgpt.generation import generate_text, text

    prompts = []

    def spy(model, tokens, **options):
        prompts.extend(np.asarray(prompt).tolist() for prompt in tokens)
        assert options["end_of_text"] == (5, END)
        return []

    monkeypatch.setattr(text, "generate", spy)
    generate_text(load_pretrained(theirs), load_tokenizer(theirs), [""])
    assert prompts == [[START]]
