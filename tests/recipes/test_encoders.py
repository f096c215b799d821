import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig, load_pretrained
from scratchgpt.recipes import configure, start
from scratchgpt.text import train_bpe

SETTINGS = {"task": "contrastive", "training": {"batch_size": 32, "steps": 2}}


@pytest.fixture(scope="session")
def gpt_folder(pairs_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt") / "model"
    tokenizer = train_bpe([pairs_file.read_text()], 290)
    config = GPTConfig(
        n_layer=1, n_head=2, n_embd=16, block_size=24, vocab_size=tokenizer.vocab_size
    )
    GPT(config, seed=5).save_pretrained(folder)
    tokenizer.save(folder / "tokenizer.json")
    return folder


def begin(pairs_file, tmp_path, **settings):
    run = configure(corpus=[str(pairs_file)], **{**SETTINGS, **settings})
    return start(run, tmp_path / "run").model


def test_an_encoder_starts_with_the_weights_of_a_gpt(pairs_file, gpt_folder, tmp_path):
    gpt = GPT.from_pretrained(gpt_folder)
    model = begin(pairs_file, tmp_path, init=str(gpt_folder))
    assert model.config.pooling == "last"
    assert model.config.vocab_size == gpt.config.vocab_size + 2  # the two start tokens
    for name, value in gpt.arrays().items():
        np.testing.assert_array_equal(model.arrays()[name][: len(value)], value, err_msg=name)
    new = model.arrays()["transformer.wte.weight"][-2:]
    assert 0.01 < new.std() < 0.04


def test_its_pooling_and_context_may_differ(pairs_file, gpt_folder, tmp_path):
    settings = {"pooling": "mean", "block_size": 16, "dropout": 0.2, "dims": [4]}
    model = begin(pairs_file, tmp_path, init=str(gpt_folder), model=settings)
    assert {name: getattr(model.config, name) for name in settings} == {**settings, "dims": (4,)}


def test_an_encoder_starts_with_the_weights_of_an_encoder(pairs_file, encoder_run, tmp_path):
    before = load_pretrained(encoder_run)
    model = begin(pairs_file, tmp_path, init=str(encoder_run), model={"dims": [8, 2]})
    assert model.config.dims == (8, 2)
    for name, value in before.arrays().items():
        np.testing.assert_array_equal(model.arrays()[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": {"n_layer": 2}}, "n_layer=2 does not fit the model"),
        ({"model": {"block_size": 25}}, "block_size=25 does not fit the model"),
        ({"preset": "gpt-nano"}, "preset='gpt-nano' does not apply with init"),
    ],
)
def test_other_sizes_are_refused(pairs_file, gpt_folder, tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        begin(pairs_file, tmp_path, init=str(gpt_folder), **settings)
