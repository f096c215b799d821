import json

import pytest

from scratchgpt.errors import UserError
from scratchgpt.finetuning import Examples, label_names, read_examples, split_examples
from scratchgpt.finetuning.examples import check_labels
from scratchgpt.models import GPTClassifierConfig

ROWS = [("a fox", "a dog", "2"), ("b fox", "b dog", "1"), ("c fox", "c dog", "2")]


def config(problem="classification", **changes):
    return GPTClassifierConfig(problem=problem, vocab_size=20, **changes)


@pytest.fixture
def table(tmp_path):
    """Write rows with the names of their columns, as the ending says."""

    def write(ending, columns, rows):
        path = tmp_path / f"table.{ending}"
        if ending == "jsonl":
            lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in rows]
        else:
            lines = [{"csv": ",", "tsv": "\t"}[ending].join(row) for row in (columns, *rows)]
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_examples_are_read_from_named_columns(table, ending):
    path = table(ending, ["hypothesis", "premise", "label"], ROWS)
    found = read_examples(path, config("entailment"))
    assert found.texts == [(row[1], row[0]) for row in ROWS]
    assert found.labels == ["2", "1", "2"]
    other = config(columns=("premise",), label_column="hypothesis")
    assert read_examples(path, other).labels == [row[0] for row in ROWS]


def test_numbers_in_jsonl_are_labels_and_scores(table):
    path = table("jsonl", ["sentence1", "sentence2", "label"], [("a", "b", 4), ("c", "d", 2.5)])
    assert read_examples(path, config("similarity")).labels == ["4", "2.5"]


@pytest.mark.parametrize(
    ("problem", "rows", "message"),
    [
        ("classification", [("a", "x"), (" ", "x")], "row 2 of .* has an empty text in 'text'"),
        ("classification", [("a", " ")], "row 1 of .* has nothing in 'label'; remove the row"),
    ],
)
def test_an_empty_cell_is_refused(table, problem, rows, message):
    with pytest.raises(UserError, match=message):
        read_examples(table("csv", ["text", "label"], rows), config(problem))


@pytest.mark.parametrize("score", ["good", "nan", "inf"])
def test_a_score_that_is_not_a_number_is_refused(table, score):
    path = table("csv", ["sentence1", "sentence2", "label"], [("a", "b", score)])
    with pytest.raises(UserError, match=f"row 1 of .* has the score '{score}'.*paraphrase"):
        read_examples(path, config("similarity"))


def test_a_missing_column_is_named_with_the_nearest(table):
    path = table("tsv", ["txet", "label"], [("a", "b")])
    with pytest.raises(UserError, match=r"must name one column 'text'.*did you mean 'txet'"):
        read_examples(path, config())


def names(labels, problem="classification", **changes):
    texts = [("a",)] * len(labels)
    return label_names(Examples(texts, labels, "t.csv"), config(problem, **changes))


def test_labels_are_sorted_and_numbers_as_numbers():
    assert names(["b", "a", "b"]) == ("a", "b")
    assert names(["10", "9", "-1", "x"]) == ("-1", "9", "10", "x")
    assert names(["1", "2"], "similarity") == ()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["1", "2", "2"], ("1", "2")),
        (["0", "1"], ("0", "1")),
        (["2", "2"], ("1", "2")),
        (["choice2"], ("choice1", "choice2")),
        (["B", "A"], ("A", "B")),
    ],
)
def test_the_labels_of_a_choice_are_numbers_columns_or_other_names(labels, expected):
    assert names(labels, "choice") == expected


@pytest.mark.parametrize("labels", [["A", "A"], ["A", "B", "C"]])
def test_labels_that_do_not_match_the_choices_are_refused(labels):
    with pytest.raises(UserError, match=r"different labels? for 2 choices"):
        names(labels, "choice")


def test_numbers_whose_first_is_unknown_are_refused():
    with pytest.raises(UserError, match=r"neither 0 nor 2, so that the first number is unknown"):
        names(["1", "1"], "choice")


def test_a_single_label_is_refused():
    with pytest.raises(UserError, match=r"all 2 rows of t.csv have the label 'a'"):
        names(["a", "a"])


def test_a_label_without_training_examples_is_refused():
    examples = Examples([("a",), ("b",)], ["spam", "hm"], "test.csv")
    with pytest.raises(UserError, match=r"row 2 of test.csv has the label 'hm', .*mean 'ham'"):
        check_labels(examples, config(labels=("ham", "spam")))
    check_labels(examples, config("similarity", labels=()))


def many(n=50):
    return Examples(
        [(f"text {i // 2}", str(i)) for i in range(n)], [str(i % 5) for i in range(n)], "t"
    )


def test_equal_first_texts_stay_together_and_the_split_is_fixed():
    train, val, n_kept = split_examples(many(), 0.2, keep_labels=True)
    assert (len(train), len(val), n_kept) == (40, 10, 0)
    assert not {texts[0] for texts in train.texts} & {texts[0] for texts in val.texts}
    assert split_examples(many(), 0.2, keep_labels=True)[1] == val


def test_the_only_examples_of_a_label_are_not_held_out():
    examples = Examples([(str(i),) for i in range(20)], [str(i // 2) for i in range(20)], "t")
    train, val, _ = split_examples(examples, 0.9, keep_labels=True)
    assert set(train.labels) == set(examples.labels)
    assert len(val) == 10
    rare = Examples([(str(i),) for i in range(20)], ["x"] * 18 + ["y", "z"], "t")
    train, val, n_kept = split_examples(rare, 0.8, keep_labels=True)
    assert {"y", "z"} <= set(train.labels)
    assert 0 < n_kept <= 2


def test_a_table_that_cannot_be_divided_is_refused():
    with pytest.raises(UserError, match="none of the 2 rows of t can be held out"):
        split_examples(Examples([("a",), ("a",)], ["x", "y"], "t"), 0.5, keep_labels=False)
    with pytest.raises(UserError, match="none of the 2 rows"):
        split_examples(Examples([("a",), ("b",)], ["x", "y"], "t"), 0.5, keep_labels=True)
