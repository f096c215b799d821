import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.text.code.near_copies import NearCopies, identifiers

SETS = st.lists(st.sets(st.sampled_from("abcdefghijklmn"), min_size=1), min_size=1, max_size=6)


def jaccard(one, other):
    return len(one & other) / len(one | other)


def test_identifiers_are_words():
    assert identifiers("def f_1(x, été):\n    return 2x + 'a b'") == {
        *("def", "f_1", "x", "été", "return", "a", "b")
    }


@given(SETS, st.sets(st.sampled_from("abcdefghijklmnop"), min_size=1), st.sampled_from([0.5, 0.7]))
def test_the_index_finds_what_a_comparison_with_all_finds(given_sets, words, threshold):
    copies = NearCopies([" ".join(sorted(each)) for each in given_sets], threshold)
    near = [i for i, each in enumerate(given_sets) if jaccard(words, each) > threshold]
    assert copies.find(" ".join(sorted(words))) == (near[0] if near else None)


@pytest.mark.parametrize(("n_common", "is_near"), [(7, False), (8, True)])
def test_the_similarity_must_be_above_the_threshold(n_common, is_near):
    words = [f"w{i}" for i in range(10)]
    assert (NearCopies([" ".join(words)]).find(" ".join(words[:n_common])) == 0) is is_near


def test_texts_without_identifiers_are_no_copies():
    assert NearCopies(["", "1 + 1"]).find("2 + 2") is None
    assert NearCopies([]).find("a b") is None
