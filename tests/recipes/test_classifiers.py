import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.finetuning import TextClassifier
from scratchgpt.models import (
    GPT,
    GPTConfig,
    GPTEncoder,
    GPTEncoderConfig,
    load_pretrained,
    save_pretrained,
)
from scratchgpt.recipes import configure, start
from scratchgpt.text import ByteTokenizer, CharacterTokenizer, train_bpe

TEXTS = [f"{word} {i}" for i in range(12) for word in ("red", "blue")]
SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 20}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "colors.jsonl"
    lines = [f'{{"text": "{text}", "label": {len(text.split()[0])}}}' for text in TEXTS]
    path.write_text("\n".join(lines))
    return path


def save_gpt(folder, tokenizer, **changes):
    config = GPTConfig(**{**SIZES, "vocab_size": tokenizer.vocab_size, **changes})
    save_pretrained(GPT(config, seed=5), folder)
    tokenizer.save(folder / "tokenizer.json")
    return folder


def settings_of(table, init, **changes):
    training = {"steps": 2, "batch_size": 4}
    settings = {"task": "classification", "corpus": [str(table)], "init": str(init)}
    return {**settings, "training": training, **changes}


TOKENIZERS = {
    "characters": lambda: CharacterTokenizer(set("".join(TEXTS))),
    "bytes": ByteTokenizer,
    "bpe": lambda: train_bpe(TEXTS, 280),
}


@pytest.mark.parametrize(
    ("kind", "form"),
    [("characters", {"norm_position": "post"}), ("bytes", {"tied_head": False}), ("bpe", {})],
)
def test_any_gpt_is_fine_tuned(table, tmp_path, kind, form):
    folder = save_gpt(tmp_path / "gpt", TOKENIZERS[kind](), **form)
    gpt = GPT.from_pretrained(folder)
    training = start(configure(**settings_of(table, folder)), tmp_path / "run")
    model = training.model
    assert model.config.vocab_size == gpt.config.vocab_size + 3
    assert model.config.dropout == 0.1
    for name, value in gpt.arrays().items():
        np.testing.assert_array_equal(model.arrays()[name][: len(value)], value, err_msg=name)
    training.train()
    classifier = TextClassifier.from_pretrained(tmp_path / "run")
    assert classifier.labels == ("3", "4")
    assert classifier.predict(["red 1"])[0].label in classifier.labels


def test_rows_of_padding_of_the_vocabulary_stay(table, tmp_path):
    folder = save_gpt(tmp_path / "gpt", ByteTokenizer(), vocab_size=264)
    model = start(configure(**settings_of(table, folder)), tmp_path / "run").model
    assert model.config.special_tokens == (264, 265, 266)


def test_a_fine_tuned_model_is_trained_further(table, tmp_path):
    folder = save_gpt(tmp_path / "gpt", ByteTokenizer())
    start(configure(**settings_of(table, folder)), tmp_path / "first").train()
    settings = settings_of(table, tmp_path / "first", model={"block_size": 16})
    model = start(configure(**settings), tmp_path / "second").model
    before = load_pretrained(tmp_path / "first")
    assert model.config.vocab_size == before.config.vocab_size
    np.testing.assert_array_equal(model.classifier.weight.value, before.classifier.weight.value)
    pairs = tmp_path / "pairs.csv"
    lines = [f"red {i},blue {i},{i}" for i in range(9)]
    pairs.write_text("\n".join(["sentence1,sentence2,label", *lines]))
    settings = settings_of(pairs, tmp_path / "first", task="similarity")
    model = start(configure(**settings), tmp_path / "third").model
    assert model.classifier.weight.value.shape == (8, 1)
    assert model.config.columns == ("sentence1", "sentence2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"n_layer": 2}}, "n_layer=2 does not fit the model"),
        ({"model": {"block_size": 21}}, "block_size=21 does not fit the model"),
        ({"preset": "gpt-nano"}, "preset='gpt-nano' does not apply with init"),
        ({"tokenizer": "bpe:300"}, "the tokenizer has .* tokens, but the model in"),
    ],
)
def test_other_sizes_and_tokenizers_are_refused(table, tmp_path, changes, message):
    folder = save_gpt(tmp_path / "gpt", ByteTokenizer())
    with pytest.raises(UserError, match=message):
        start(configure(**settings_of(table, folder, **changes)), tmp_path / "run")


def test_other_kinds_of_models_are_refused(table, tmp_path):
    tokenizer = ByteTokenizer()
    config = GPTEncoderConfig(**SIZES, vocab_size=tokenizer.vocab_size)
    save_pretrained(GPTEncoder(config), tmp_path / "encoder")
    tokenizer.save(tmp_path / "encoder/tokenizer.json")
    with pytest.raises(UserError, match=r"encodes texts as vectors; fine-tuning starts from a GPT"):
        configure(**settings_of(table, tmp_path / "encoder"))


def test_a_fine_tuned_model_is_not_trained_as_a_language_model(table, tmp_path):
    folder = save_gpt(tmp_path / "gpt", ByteTokenizer())
    start(configure(**settings_of(table, folder)), tmp_path / "run").train()
    with pytest.raises(UserError, match="predicts labels of texts, it does not continue"):
        configure(corpus=["x.txt"], init=str(tmp_path / "run"))
