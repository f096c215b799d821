import pytest

from scratchgpt.errors import UserError
from scratchgpt.text.pairs.paired_texts import TextPairs


def pairs():
    return TextPairs(["a", "b", "c"], ["A", "B", "C"], ["x", "x", "y"], [["n"], [], ["m"]])


def test_pairs_are_selected_by_index():
    assert pairs().take([2, 0]) == TextPairs(["c", "a"], ["C", "A"], ["y", "x"], [["m"], ["n"]])
    assert TextPairs(["a", "b"], ["A", "B"]).take([1]) == TextPairs(["b"], ["B"])
    assert len(pairs()) == 3
    assert len(pairs().take([])) == 0


@pytest.mark.parametrize(
    ("column", "values"), [("documents", ["A"]), ("groups", []), ("negatives", [[], []])]
)
def test_lists_of_different_length_are_refused(column, values):
    columns = {"queries": ["a", "b", "c"], "documents": ["A", "B", "C"], column: values}
    message = f"{column} has the length {len(values)}, but there are 3 queries"
    with pytest.raises(UserError, match=message):
        TextPairs(**columns)


def test_the_fingerprint_is_that_of_the_texts():
    one = pairs()
    assert one.fingerprint == TextPairs(one.queries, one.documents, None, one.negatives).fingerprint
    others = [one.take([0, 1]), one.take([1, 0, 2]), TextPairs(one.queries, one.documents)]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 4
