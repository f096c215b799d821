"""The order of results."""

import numpy as np
import pytest

from scratchgpt.embeddings.index.ranking import Hit, best_first, chosen, is_test


def hit(path, first, last, symbol="", text="", score=0.0):
    return Hit(path, first, last, symbol, text, score, None, None)


@pytest.mark.parametrize(
    "path",
    ["/a/test_x.py", "/a/x_test.go", "/a/x.test.ts", "/a/tests/x.py", "/a/tests/b/x.py",
     "/a/conftest.py", "/a/x-spec.js", "/a/tests.py"],
)  # fmt: skip
def test_tests_are_recognized(path):
    assert is_test(path)


@pytest.mark.parametrize(
    "path", ["/a/latest.py", "/a/contest.py", "/tests/a/b/c/x.py", "/a/testing_tools.py", "/a/x.py"]
)
def test_other_files_are_not_tests(path):
    assert not is_test(path)


def test_ties_have_a_stable_order_with_tests_last():
    scores = np.array([1.0, 2.0, 1.0, 2.0, 1.0])
    tests = np.array([True, True, False, False, False])
    assert best_first(scores, tests).tolist() == [3, 1, 2, 4, 0]


def test_spans_that_overlap_are_one_hit():
    hits = [hit("a", 5, 9), hit("a", 9, 12), hit("b", 5, 9), hit("a", 10, 11), hit("a", 1, 4)]
    assert chosen(hits, 9) == [hits[0], hits[2], hits[3], hits[4]]


def test_a_definition_comes_before_its_test():
    test = hit("/test_a.py", 1, 2, "test_it", "assert read_file(x)")
    other, definition = hit("/b.py", 1, 2, "other"), hit("/a.py", 1, 2, "Reader.read_file")
    assert chosen([test, other, definition], 3) == [definition, test, other]
    assert chosen([other, test, definition], 2) == [other, test]
    part = hit("/a.py", 5, 6, "read")  # only part of a name that the test mentions
    assert chosen([test, part], 2) == [test, part]


def test_a_test_may_mention_a_single_word_for_other_reasons():
    test = hit("/test_a.py", 1, 2, "test_it", "run(Reader, readFile)")
    for name, is_first in (("run", False), ("Reader", False), ("_run", False), ("readFile", True)):
        definition = hit("/a.py", 1, 2, name)
        assert chosen([test, definition], 2)[0] == (definition if is_first else test)


def test_there_are_at_most_n():
    hits = [hit("a", i, i) for i in range(1, 50)]
    assert chosen(hits, 4) == hits[:4]
    assert chosen([], 4) == []
