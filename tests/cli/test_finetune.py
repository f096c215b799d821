import json

import pytest

SIZES = "--tokenizer bytes --n-layer 1 --n-head 2 --n-embd 8 --block-size 32 --batch-size 8"


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews.csv"
    rows = [f'"{["bad", "good"][i % 2]} film {i}",{["no", "yes"][i % 2]}' for i in range(60)]
    path.write_text("\n".join(["review,liked", *rows]))
    return path


COLUMNS = ["--columns", "review", "--label-column", "liked"]


def test_a_model_is_fine_tuned_resumed_and_evaluated(scratchgpt, reviews, tmp_path):
    out = tmp_path / "run"
    command = ["finetune", reviews, *COLUMNS, *SIZES.split(), "--out", out]
    result = scratchgpt(*command, "--epochs", "1", "--lm-weight", "0.25", "--json")
    assert result.status == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["step"] == 7
    assert {"accuracy", "f1", "matthews"} <= set(record)
    assert {"majority_accuracy", "naive_bayes_accuracy"} <= set(record)
    assert "54 training and 6 validation examples" in result.stderr

    result = scratchgpt("finetune", "--out", out, "--resume", "--epochs", "1.5")
    assert result.status == 0, result.stderr
    assert "11 steps" in result.stderr
    assert f"to predict labels: scratchgpt predict --model {out}" in result.stderr

    result = scratchgpt("eval", "--model", out)
    assert result.status == 0, result.stderr
    names, model, majority, bayes = result.stdout.splitlines()[1:5]
    assert names.split() == ["accuracy", "f1", "matthews"]
    assert [line.split("  ")[0] for line in (model, majority, bayes)] == [
        *("model", "majority", "naive Bayes")
    ]
    new = tmp_path / "new.tsv"
    new.write_text("liked\treview\nyes\tgood film\n")
    result = scratchgpt("eval", "--model", out, new, "--json")
    assert json.loads(result.stdout)["naive Bayes"]["accuracy"] == 1.0


def test_an_error_is_one_line(refused, reviews, tmp_path):
    out = ["--out", tmp_path / "run"]
    assert "no tables are given; name a table" in refused("finetune", *out)
    error = refused("finetune", reviews, "--label-column", "liked", *out)
    assert "must name one column 'text'" in error
    assert "does not exist" in refused("finetune", "nothing.csv", *out)
    config = tmp_path / "run.toml"
    config.write_text(f'corpus = "{reviews}"\n')
    error = refused("finetune", "--config", config, *out)
    assert "this run is a language model" in error
