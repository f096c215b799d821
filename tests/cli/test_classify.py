"""``scratchgpt classify``, by likelihood with a trained run and by embedding with an encoder."""

import io
import json
import sys

import numpy as np
import pytest

from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import ByteTokenizer
from scratchgpt.zero_shot import LanguageModel, classify

LABELS = ("-l", "fox", "-l", "dog")
LIKELIHOOD = ("--by", "likelihood", "--template", "the {}")


class Encoder:
    """Encodes a text as the numbers of some letters."""

    scale = 10.0

    def encode_query(self, texts):
        return np.array([[1 + text.count(letter) for letter in "fod"] for text in texts], float)

    encode_document = encode_query


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A language model of bytes."""
    folder = tmp_path_factory.mktemp("model")
    config = GPTConfig(n_layer=1, n_head=2, n_embd=8, block_size=32, vocab_size=256)
    GPT(config).save_pretrained(folder)
    ByteTokenizer().save(folder / "tokenizer.json")
    return folder


@pytest.fixture
def encoder(run, monkeypatch):
    """The folder of a run that is loaded as an encoder."""
    monkeypatch.setattr(
        sys.modules["scratchgpt.zero_shot.classify"], "_load_encoder", lambda folder: Encoder()
    )
    return run


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "animals.csv"
    path.write_text("text,animal\nfffff,fox\nddddd,dog\nffffff,dog\nooo,cat\n")
    return path


def test_one_line_per_text(scratchgpt, run):
    texts = ["quick\tand brown", "lazy"]
    model = LanguageModel.from_pretrained(run)
    expected = classify(
        texts, ["fox", "dog"], model=model, by="likelihood", hypothesis_template="the {}"
    )
    outcome = scratchgpt("classify", "-m", run, *LIKELIHOOD, *LABELS, *texts)
    assert outcome.status == 0, outcome.stderr
    shown = [line.split("\t") for line in outcome.stdout.splitlines()]
    assert shown == [
        [result["labels"][0], f"{result['scores'][0]:.3f}", text.replace("\t", " ")]
        for result, text in zip(expected, texts, strict=True)
    ]


@pytest.mark.parametrize("norm", ["none", "tokens", "bytes", "pmi"])
def test_json_has_all_labels_and_the_answer(scratchgpt, run, monkeypatch, norm):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"quick\nlazy\n")))
    options = ("--norm", norm, "--calibrate", "--threshold", 1, "--json")
    outcome = scratchgpt("classify", "-m", run, *LIKELIHOOD, *LABELS, *options)
    records = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert [record["sequence"] for record in records] == ["quick", "lazy"]
    for record in records:
        assert sorted(record["labels"]) == ["dog", "fox"]
        assert sum(record["scores"]) == pytest.approx(1)
        assert record["answer"] is None
        assert record["ties"] == []


def test_long_texts_are_counted(scratchgpt, run):
    outcome = scratchgpt("classify", "-m", run, *LIKELIHOOD, *LABELS, "x" * 90, "y")
    assert "1 of 2 texts too long for the model's context: only the end was read" in outcome.stderr


def test_by_embedding_with_thresholds(scratchgpt, encoder):
    command = ("classify", "-m", encoder, "-l", "fff", "-l", "ddd: dd", "--template", "{}")
    assert scratchgpt(*command, "ffff").stdout.split("\t")[0] == "fff"
    refusing = scratchgpt(*command, "--threshold", 0.99, "ooooo").stdout.split("\t")
    assert refusing[0] == "none of them"
    several = scratchgpt(*command, "--multi-label", "--threshold", 0, "ffff").stdout.split("\t")
    assert several[0] == "fff, ddd"
    assert len(several[1].split(", ")) == 2


def test_ties_are_told(scratchgpt, encoder):
    outcome = scratchgpt("classify", "-m", encoder, "-l", "x", "-l", "a", "b b", "ffff")
    assert [line.split("\t")[0] for line in outcome.stdout.splitlines()] == ["x", "x"]
    assert "2 texts with several best labels, the first text 1: the label given" in outcome.stderr


def test_the_accuracy_is_printed_beside_the_majority(scratchgpt, encoder, table):
    labels = ("-l", "fox: fff", "-l", "dog: ddd")
    command = ("classify", "-m", encoder, *labels, "--template", "{}", "--gold", "animal", table)
    outcome = scratchgpt(*command)
    assert outcome.stdout.splitlines()[-1] == (
        "accuracy 50.0% of 4 texts; always answering 'dog': 50.0%"
    )
    assert "1 text with a right label that is not among the labels given" in outcome.stderr
    *_, last = scratchgpt(*command, "--json").stdout.splitlines()
    assert json.loads(last) == {
        "n": 4,
        "accuracy": 0.5,
        "majority": {"label": "dog", "accuracy": 0.5},
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-l", "a", "-l", "a"), "the label 'a' is given 2 times"),
        (("-l", " "), "label 1 is empty"),
        ((), "missing option '--label'"),
        (("-l", "a", "--template", "b"), "has {} 0 times"),
        (("-l", "a", "--threshold", "2"), "invalid value for '--threshold'"),
        (("-l", "a", "--gold", "b"), "a column is given but no table"),
        (("-l", "a", "--gold", "b", "--multi-label"), "a text has one right label"),
        (("-l", "a", "--column", "b", "{table}"), "must name one column 'b'"),
        (("-l", "a", "x"), "is a language model, not an encoder of texts; use by='likelihood'"),
        (("-l", "a", "nothing.csv"), "there is no file nothing.csv"),
        (("-l", "a", ""), "text 1 is empty"),
    ],
)
def test_bad_input_is_refused_in_one_line(refused, run, table, options, message):
    words = [option.format(table=table) if "table" in option else option for option in options]
    error = refused("classify", "-m", run, *words)
    assert message in error


@pytest.mark.filterwarnings("default::UserWarning")
def test_nan_in_the_weights_is_refused_in_one_line(refused, run, tmp_path):
    model = GPT.from_pretrained(run)
    model.store.values[...] = np.nan
    model.save_pretrained(tmp_path / "broken")
    ByteTokenizer().save(tmp_path / "broken" / "tokenizer.json")
    error = refused("classify", "-m", tmp_path / "broken", *LIKELIHOOD, *LABELS, "x")
    assert "NaN or infinite: its weights are damaged" in error
