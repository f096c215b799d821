"""Training and evaluating from Python, as the command line does."""

import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import load_pretrained
from scratchgpt.recipes import configure, evaluate, read_run, start, train

SMALL = {"n_layer": 1, "n_head": 2, "n_embd": 8}
TEXT = "the quick brown fox jumps over the lazy dog, and the dog does not mind at all\n" * 40


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SCRATCHGPT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def sorting(steps):
    training = {"steps": steps, "batch_size": 16, "schedule": "constant", "warmup_steps": 2}
    return configure(task="sort:5:3", model={**SMALL, "dropout": 0.2}, training=training)


def test_five_lines_train_and_evaluate(tmp_path):
    run = sorting(steps=3)
    result = train(run, tmp_path / "run")
    evaluation = evaluate(tmp_path / "run")
    assert (result.step, result.interrupted) == (3, None)
    assert evaluation.as_dict()["task"] == "sort:5:3"
    assert str(evaluation).startswith("exact match ")


def test_a_run_resumed_from_its_folder_equals_an_uninterrupted_one(tmp_path):
    train(sorting(steps=5), tmp_path / "whole")
    train(sorting(steps=2), tmp_path / "parts")
    more = configure(read_run(tmp_path / "parts"), training={"steps": 5})
    train(more, tmp_path / "parts", resume=True)
    whole, parts = (load_pretrained(tmp_path / name / "last") for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole.store.values, parts.store.values)


def test_text_is_measured_on_its_validation_part_or_on_other_text(corpus, tmp_path):
    model = {**SMALL, "block_size": 16}
    run = configure(corpus=corpus, model=model, training={"steps": 2, "batch_size": 4})
    reports = []
    train(run, tmp_path / "run", progress=lambda what, done, total: reports.append(what))
    assert reports
    own = evaluate(tmp_path / "run").as_dict()
    assert own["text"] == f"the validation part of {corpus}"
    other = evaluate(tmp_path / "run", corpus, batch_size=3)
    assert other.as_dict()["n_tokens"] == len(TEXT) - 1
    json.dumps(other.as_dict())
    (tmp_path / "run" / "last").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is not part of a run; name the text"):
        evaluate(tmp_path / "elsewhere")


def test_pairs_are_translated_and_scored(tmp_path):
    lines = [f"{a} {b}\t{b} {a}" for a in "abcdef" for b in "ghijkl"]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines), encoding="utf-8")
    run = configure(
        task="translation",
        corpus=str(tmp_path / "pairs.tsv"),
        tokenizer="characters",
        preset="transformer-tiny",
        model={"n_encoder_layer": 1, "n_decoder_layer": 1, "n_embd": 8, "n_head": 2},
        training={"steps": 2, "tokens_per_batch": 64, "average": 2, "checkpoint_interval": 1},
    )
    training = start(run, tmp_path / "run")
    assert "pairs of" in training.describe()
    result = training.train()
    assert result.average_val_loss is not None
    average = load_pretrained(tmp_path / "run" / "average")
    np.testing.assert_array_equal(training.model.store.values, average.store.values)
    assert training.sample().startswith("source       ")
    assert training.evaluate() == {}
    reports = []
    record = evaluate(tmp_path / "run", beams=1, report=reports.append).as_dict()
    assert record["text"].startswith("the validation part of")
    assert (record["beams"], len(record["examples"])) == (1, record["n_pairs"])
    assert reports[-1] == f"{record['n_pairs']} of {record['n_pairs']} translated"
    other = evaluate(tmp_path / "run", [str(tmp_path / "pairs.tsv")], beams=1)
    assert other.as_dict()["n_pairs"] == len(lines)


def test_settings_that_do_not_fit_together_are_refused_before_anything_is_written(tmp_path):
    from scratchgpt.recipes import RunConfig

    with pytest.raises(UserError, match="task='sort' generates its data"):
        train(RunConfig(task="sort", corpus=("a.txt",)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({"corpus": "text.txt"}, {"beams": 2}),
        ({"corpus": "text.txt"}, {"alpha": 0.5}),
        ({"task": "sort:5:3"}, {"batch_size": 3}),
        ({"task": "sort:5:3"}, {"beams": 2}),
    ],
)
def test_an_evaluation_setting_without_effect_is_refused(
    corpus, tmp_path, monkeypatch, settings, options
):
    monkeypatch.chdir(tmp_path)
    model = {**SMALL, "block_size": 16}
    train(configure(**settings, model=model, training={"steps": 1, "eval_interval": 0}), "run")
    [(name, value)] = options.items()
    with pytest.raises(UserError, match=f"{name}={value} has no effect on this evaluation"):
        evaluate("run", **options)
