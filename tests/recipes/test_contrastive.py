import numpy as np
import pytest

from scratchgpt.embeddings import TextEncoder
from scratchgpt.errors import UserError
from scratchgpt.models import load_pretrained
from scratchgpt.recipes import configure, start, train
from scratchgpt.recipes.contrastive import open_contrastive
from scratchgpt.text.code.python_code import CodeCorpus
from scratchgpt.text.pairs.text_pairs import TextPairs


def test_a_run_learns_to_find_the_document_of_a_query(encoder_run, pairs_file):
    encoder = TextEncoder.from_pretrained(encoder_run)
    lines = [line.split("\t") for line in pairs_file.read_text().splitlines()]
    queries, documents = ([line[i] for line in lines] for i in (0, 1))
    cosines = encoder.similarity(encoder.encode_query(queries), encoder.encode_document(documents))
    assert (cosines.argmax(1) == np.arange(len(lines))).mean() > 0.5  # by chance 0.005
    assert encoder.model.config.dims == (8,)


def test_a_resumed_run_equals_an_unbroken_one(contrastive_settings, encoder_run, tmp_path):
    run = configure(**contrastive_settings)
    training = start(run, tmp_path / "run")

    def stop_at_17(trainer, record):
        if record.step == 17:
            raise KeyboardInterrupt

    training.trainer.on("step", stop_at_17)
    with pytest.raises(KeyboardInterrupt):
        training.train()
    train(run, tmp_path / "run", resume=True)
    resumed, unbroken = (
        load_pretrained(folder / "last") for folder in (tmp_path / "run", encoder_run)
    )
    for name, value in unbroken.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], value, err_msg=name)


def test_half_of_the_names_are_masked_in_training_and_none_in_validation(monkeypatch):
    code = [f"def size_{i}(self):\n    return {i}\n    # {i}" for i in range(6)]
    pairs = TextPairs([f"number of items {i}" for i in range(6)], code, list("abcdef"))
    names = [f"size_{i}" for i in range(6)]
    corpus = CodeCorpus(pairs, pairs, pairs, names, names, names, "counts of the corpus")
    monkeypatch.setattr("scratchgpt.recipes.contrastive.python_code", lambda word, kinds: corpus)
    run = configure(task="contrastive", corpus=["python-code"], tokenizer="bpe:300")
    data = open_contrastive(run)
    decode = data.tokenizer.decode
    assert [decode(rows[2]) for rows in data.train.documents] == [
        code[2],
        code[2].replace("size_2", "f"),
    ]
    assert len(data.val.documents) == 1
    assert "counts of the corpus" in data.describe(None)


def test_texts_that_are_cut_are_counted(contrastive_settings):
    model = {**contrastive_settings["model"], "block_size": 8}
    data = open_contrastive(configure(**{**contrastive_settings, "model": model}))
    assert "training texts longer than block_size=8" in data.describe(None)
    end = data.tokenizer.end_of_text
    assert all(row[-1] == end and len(row) <= 8 for row in data.train.documents[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": []}, "there are no pairs"),
        ({"training": {"grad_accum": 2}}, "the negatives of a pair are the other pairs"),
        ({"training": {"label_smoothing": 0.1}}, "no labels to smooth"),
        ({"tokenizer": "bytes"}, "an encoder needs a bpe tokenizer"),
        ({"training": {"batch_size": 500}}, "batch_size=500 is more than 180 training pairs"),
        ({"model": {"pooling": "cls"}}, "pooling='cls' is not one of last, mean"),
        ({"model": {"dims": [16]}}, "each below n_embd=16"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_do_not_fit_are_refused(contrastive_settings, tmp_path, changes, message):
    settings = dict(contrastive_settings)
    for name, value in changes.items():
        is_section = isinstance(value, dict)
        settings[name] = {**settings[name], **value} if is_section else value
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        start(configure(**settings), tmp_path / "run")
