import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.text.pairs import text_pairs
from scratchgpt.text.pairs.text_pairs import (
    TextPairs,
    read_text_pairs,
    split_text_pairs,
    training_text_pairs,
)

NAMES = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=30).filter(
    lambda names: len(set(names)) > 1
)


@given(NAMES, st.floats(0.05, 0.95), st.booleans())
def test_no_group_is_in_both_parts_and_nothing_is_lost(names, fraction, has_groups):
    documents = [str(i) for i in range(len(names))]
    pairs = TextPairs(documents if has_groups else names, documents, names if has_groups else None)
    train, val = split_text_pairs(pairs, fraction)
    keys = [part.groups if has_groups else part.queries for part in (train, val)]
    assert not set(keys[0]) & set(keys[1])
    assert len(train) >= 1
    assert len(val) >= 1
    assert sorted(train.documents + val.documents) == sorted(documents)
    for part in (train, val):
        assert part.documents == sorted(part.documents, key=int)


def test_about_the_fraction_is_held_out_and_the_choice_is_fixed():
    texts = [f"text {i}" for i in range(1000)]
    train, val = split_text_pairs(TextPairs(texts, texts), 0.1)
    assert (len(train), len(val)) == (900, 100)
    _, again = split_text_pairs(TextPairs(texts[::-1], texts[::-1]), 0.1)
    assert set(again.queries) == set(val.queries)
    _, fewer = split_text_pairs(TextPairs(texts, texts), 0.05)
    assert set(fewer.queries) < set(val.queries)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, float("nan")])
def test_a_fraction_outside_of_0_and_1_is_refused(fraction):
    with pytest.raises(UserError, match=r"val_fraction=.* must be between 0 and 1"):
        split_text_pairs(TextPairs(["a", "b"], ["A", "B"]), fraction)


@pytest.mark.parametrize("groups", [None, ["x", "x"]])
def test_pairs_of_one_group_cannot_be_split(groups):
    with pytest.raises(UserError, match="all pairs have the same query or file, so that none"):
        split_text_pairs(TextPairs(["a", "a"], ["A", "B"], groups))


class Corpus:
    """In place of the code of this Python."""

    train = TextPairs(["train"], ["def a(): pass"])
    validation = TextPairs(["validation"], ["def b(): pass"])


def test_python_code_has_validation_pairs_of_its_own(monkeypatch):
    monkeypatch.setattr(text_pairs, "python_code", lambda which: Corpus)
    for name in text_pairs.PYTHON_CODE:
        assert read_text_pairs([name]) == Corpus.train
        assert training_text_pairs([name]) == (Corpus.train, Corpus.validation)


def test_other_pairs_are_split(write):
    path = write("a.tsv", "".join(f"{i}\t{i}\n" for i in range(10)))
    train, val = training_text_pairs([path], 0.3)
    assert (train, val) == split_text_pairs(read_text_pairs([path]), 0.3)
    assert len(val) == 3


def test_a_file_takes_precedence_over_python_code(write, monkeypatch, tmp_path):
    write(
        "python-code", "\n\n".join(f"A paragraph of eight words, its number {i}" for i in range(3))
    )
    monkeypatch.chdir(tmp_path)
    assert len(read_text_pairs(["python-code"])) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"text pairs are one \.tsv or .*; got 0 words"),
        (["a", "b", "c"], "got 3 words"),
        (["python-cod"], "there is no file 'python-cod'; did you mean 'python-code'"),
        (["absent.tsv"], r"there is no file 'absent\.tsv'; text pairs are one"),
        (["python-code", "absent"], "python-code is a complete set of pairs; leave out the other"),
    ],
    ids=["none", "three", "a typing mistake", "absent", "a corpus and a file"],
)
def test_words_that_name_no_pairs_are_refused(words, message):
    with pytest.raises(UserError, match=message):
        read_text_pairs(words)


def test_of_a_single_file_the_end_is_held_out():
    texts = [f"text {i}" for i in range(11)]
    pairs = TextPairs(texts[:-1], texts[1:], ["notes.md"] * 10)  # neighbors
    train, val = split_text_pairs(pairs, 0.3)
    assert val.queries == texts[7:10]
    assert train.queries == texts[:6]
    assert not set(train.documents) & set(val.queries)
