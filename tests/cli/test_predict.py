import io
import json

import pytest

from scratchgpt.models import GPTClassifier, GPTClassifierConfig, save_pretrained
from scratchgpt.text import ByteTokenizer

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 24, "vocab_size": 259}


@pytest.fixture
def folder(tmp_path):
    """Save a small model with random weights for a problem."""

    def make(problem="classification", **changes):
        labels = () if problem == "similarity" else ("no", "yes")
        config = GPTClassifierConfig(**SIZES, problem=problem, labels=labels, **changes)
        save_pretrained(GPTClassifier(config, seed=1), tmp_path / problem)
        ByteTokenizer().save(tmp_path / problem / "tokenizer.json")
        return tmp_path / problem

    return make


def test_labels_of_arguments_files_tables_and_standard_input(
    scratchgpt, folder, tmp_path, monkeypatch
):
    lines, table = tmp_path / "lines.txt", tmp_path / "table.jsonl"
    lines.write_text("one\ntwo\twith a tab\n")
    table.write_text('{"text": "three"}\n')
    stdin = io.TextIOWrapper(io.BytesIO(b"four\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    model = ["--model", folder()]
    result = scratchgpt("predict", *model, "zero words", lines, table, "-")
    assert result.status == 0, result.stderr
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[2] for row in rows] == ["zero words", "one", "two with a tab", "three", "four"]
    assert {row[0] for row in rows} <= {"no", "yes"}
    assert all(0.5 <= float(row[1]) <= 1 for row in rows)


def test_json_has_the_probabilities(scratchgpt, folder):
    result = scratchgpt("predict", "--model", folder("entailment"), "a\tb", "--json")
    record = json.loads(result.stdout)
    assert record["texts"] == {"premise": "a", "hypothesis": "b"}
    assert record["score"] == record["probabilities"][record["label"]]
    assert sum(record["probabilities"].values()) == pytest.approx(1)


def test_scores_of_pairs(scratchgpt, folder, tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("sentence2,sentence1,label\nb,a,9\n")
    model = ["--model", folder("similarity", center=3.0, spread=0.5)]
    result = scratchgpt("predict", *model, table, "a\tb")
    first, second = result.stdout.splitlines()
    assert first == second
    score, *texts = first.split("\t")
    assert 2.5 < float(score) < 3.5
    assert texts == ["a", "b"]
    record = json.loads(scratchgpt("predict", *model, "a\tb", "--json").stdout)
    assert (record["label"], record["probabilities"]) == (None, {})


def test_long_texts_are_counted(scratchgpt, folder):
    result = scratchgpt("predict", "--model", folder(), "x " * 20, "short one")
    assert "1 example longer than block_size=24 of the model" in result.stderr


def test_an_error_is_one_line(refused, folder, trained, tmp_path):
    pairs = ["--model", folder("entailment")]
    error = refused("predict", *pairs, "one text")
    assert "text 1 has 1 text, not 2 separated by tabs: premise, hypothesis" in error
    assert "has 1 text, not 2" in refused("predict", *pairs, "one\t ")
    assert "text 1 is empty" in refused("predict", "--model", folder(), " ")
    assert "there is no file gone.txt" in refused("predict", "--model", folder(), "gone.txt")
    table = tmp_path / "t.csv"
    table.write_text("hypothesis,premiss\na,b\n")
    assert "did you mean 'premiss'" in refused("predict", *pairs, table)
    error = refused("predict", "--model", trained, "a text")
    assert "continues texts, it does not predict labels" in error
