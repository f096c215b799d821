import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.finetuning import TextClassifier
from scratchgpt.models import load_pretrained
from scratchgpt.recipes import configure, evaluate, read_run, start, train
from scratchgpt.recipes.finetune import open_finetune

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 24, "dropout": 0.1}
TRAINING = {"epochs": 6, "batch_size": 16, "lr": 1e-2, "eval_interval": 10}
COLORS, SHAPES = ["red", "blue", "green"], ["cube", "ball", "cone"]


def write_csv(path, columns, rows):
    path.write_text("\n".join(",".join(row) for row in (columns, *rows)) + "\n")
    return path


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    """A table of 180 texts whose label is one of their words."""
    rows = [(f"{COLORS[i % 3]} {SHAPES[i // 3 % 3]} {i}", COLORS[i % 3]) for i in range(180)]
    return write_csv(tmp_path_factory.mktemp("topics") / "topics.csv", ["text", "label"], rows)


def settings_of(table, task="classification", **changes):
    settings = {"task": task, "corpus": [str(table)], "tokenizer": "bpe:300", "model": SIZES}
    for name, value in {"training": TRAINING, **changes}.items():
        settings[name] = {**settings.get(name, {}), **value} if isinstance(value, dict) else value
    return settings


@pytest.fixture(scope="module")
def topics_run(topics, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    train(configure(**settings_of(topics)), out)
    return out


def test_a_run_learns_the_labels(topics_run, topics):
    classifier = TextClassifier.from_pretrained(topics_run)
    texts = ["red cone 7", "green ball 500", "blue cube x"]
    assert [each.label for each in classifier.predict(texts)] == ["red", "green", "blue"]
    assert classifier.model.config.labels == ("blue", "green", "red")
    run = read_run(topics_run)
    assert run.training.epochs is None
    assert run.training.steps == 6 * 11  # 162 training examples, 16 at a time


def test_a_resumed_run_equals_an_unbroken_one(topics, topics_run, tmp_path):
    run = configure(**settings_of(topics))
    training = start(run, tmp_path / "run")

    def stop_at_17(trainer, record):
        if record.step == 17:
            raise KeyboardInterrupt

    training.trainer.on("step", stop_at_17)
    with pytest.raises(KeyboardInterrupt):
        training.train()
    train(read_run(tmp_path / "run"), tmp_path / "run", resume=True)
    resumed, unbroken = (load_pretrained(out / "last") for out in (tmp_path / "run", topics_run))
    for name, value in unbroken.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], value, err_msg=name)


def test_the_evaluation_has_the_baselines_beside_the_model(topics_run, topics, tmp_path):
    held_out = evaluate(topics_run)
    assert set(held_out.scores) == {"model", "majority", "naive Bayes"}
    assert held_out.scores["naive Bayes"]["accuracy"] == 1.0
    assert held_out.n_examples == 18
    other = write_csv(tmp_path / "new.csv", ["label", "text"], [("red", "red x"), ("blue", "blue")])
    result = evaluate(topics_run, str(other))
    assert set(result.scores) == {"model", "majority", "naive Bayes"}
    assert "2 examples of" in str(result)
    alone = evaluate(topics_run / "last", str(other))  # still in the folder of its run
    assert alone.scores == result.scores
    with pytest.raises(UserError, match="has the label 'pink', of which there is no training"):
        evaluate(topics_run, str(write_csv(other, ["text", "label"], [("a", "pink")])))


def test_without_the_training_table_only_the_model_is_scored(topics_run, tmp_path):
    saved = load_pretrained(topics_run)
    saved.save_pretrained(tmp_path / "model")
    TextClassifier.from_pretrained(topics_run).tokenizer.save(tmp_path / "model/tokenizer.json")
    table = write_csv(tmp_path / "new.csv", ["text", "label"], [("red x", "red")])
    result = evaluate(tmp_path / "model", str(table))
    assert set(result.scores) == {"model"}
    assert "baselines are missing" in str(result)


def pairs_table(path, task):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(120):
        one, other = rng.choice(COLORS, 2)
        same = one == other
        if task == "entailment":
            rows.append((f"{one} {i}", f"{other} it", "yes" if same else "no"))
        elif task == "paraphrase":
            rows.append((f"{one} {i}", f"{other} {i}", str(int(same))))
        elif task == "similarity":
            rows.append((f"{one} {i}", f"{other} {i}", str(1 + 4 * same)))
        else:
            rows.append((f"{one} {i}", f"{COLORS[i % 3]} x", f"{other} y", str(1 + i % 2)))
    columns = {
        "entailment": ["premise", "hypothesis", "label"],
        "choice": ["context", "choice1", "choice2", "label"],
    }.get(task, ["sentence1", "sentence2", "label"])
    return write_csv(path, columns, rows)


@pytest.mark.parametrize("task", ["entailment", "paraphrase", "similarity", "choice"])
def test_every_problem_is_trained_and_evaluated(task, tmp_path):
    table = pairs_table(tmp_path / "pairs.csv", task)
    run = configure(**settings_of(table, task, training={"epochs": 1}))
    training = start(run, tmp_path / "run")
    training.train()
    scores = training.evaluate()
    names = {"pearson", "rmse"} if task == "similarity" else {"accuracy", "f1", "matthews"}
    assert names <= set(scores)
    assert "predicted" in training.sample(3)
    result = evaluate(tmp_path / "run")
    assert result.as_dict()["n_examples"] == 12
    methods = {"model", "word overlap", "mean score"}
    assert set(result.scores) == (
        methods if task == "similarity" else {"model", "majority", "naive Bayes"}
    )
    best = load_pretrained(tmp_path / "run").config
    assert best.problem == task
    if task == "similarity":
        assert 1 < best.center < 5
        assert 1 < best.spread < 3


def test_two_tables_are_training_and_validation(topics, tmp_path):
    val = write_csv(
        tmp_path / "val.csv", ["text", "label"], [("red cube 0", "red"), ("new", "blue")]
    )
    settings = settings_of(topics)
    data = open_finetune(configure(**{**settings, "corpus": [str(topics), str(val)]}))
    assert len(data.train_examples), len(data.val_examples) == (180, 2)
    assert "1 validation example also in the training table" in data.describe(None)


def test_texts_that_are_cut_and_labels_that_are_rare_are_counted(tmp_path):
    rows = [(f"{'word ' * i}{i}", "ab"[i % 2]) for i in range(30)] + [("rare", "c")]
    table = write_csv(tmp_path / "t.csv", ["text", "label"], rows)
    settings = settings_of(table, model={"block_size": 12}, val_fraction=0.9)
    data = open_finetune(configure(**settings))
    assert "examples longer than block_size=12, whose texts are cut" in data.describe(None)
    assert "with a rare label not held out" in data.describe(None)
    extract = data.config.special_tokens[2]
    assert all(row[-1] == extract and len(row) <= 12 for [row] in data.train.rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": []}, "no tables are given; name a table"),
        ({"corpus": ["a.csv"]}, "a.csv does not exist"),
        ({"corpus": ["a.csv"] * 3}, "too many tables are given"),
        ({"training": {"label_smoothing": 0.1}}, "smooths no labels"),
        ({"training": {"tokens_per_batch": 100}}, "batch_size examples"),
        ({"training": {"steps": 5, "epochs": 2}}, "steps=5 and epochs=2 in the settings"),
        ({"training": {"epochs": 0}}, "epochs=0 must be greater than 0"),
        ({"model": {"problem": "choice"}}, "problem='choice' is not the task classification"),
        ({"model": {"columns": ["txt"]}}, "must name one column 'txt'.*did you mean 'text'"),
        ({"model": {"lm_weight": -1.0}}, "lm_weight=-1.0 must be finite"),
        ({"model": {"n_embd": 7}}, "not divisible by n_head=2"),
    ],
)
def test_settings_that_do_not_fit_are_refused(topics, tmp_path, changes, message):
    settings = settings_of(topics, **changes)
    with pytest.raises(UserError, match=message):
        start(configure(**settings), tmp_path / "run")


def test_equal_scores_are_refused(tmp_path):
    rows = [(f"a {i}", "b", "3") for i in range(5)]
    table = write_csv(tmp_path / "t.csv", ["sentence1", "sentence2", "label"], rows)
    with pytest.raises(UserError, match=r"training scores of .* are 3; there must be"):
        open_finetune(configure(**settings_of(table, "similarity")))
