import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.generation import StopMatcher

# With only two letters, overlaps and near misses are common.
words = st.text("ab", max_size=12)
stops = st.lists(st.text("ab", min_size=1, max_size=4), max_size=4)


def cut(text, stop):
    """Reference, letter by letter: the first complete stop string wins, of those the longest."""
    for end in range(1, len(text) + 1):
        ending = [s for s in stop if text[:end].endswith(s)]
        if ending:
            return text[: end - max(map(len, ending))], True
    return text, False


@settings(max_examples=300)
@given(st.lists(words, max_size=8), stops)
@example(["a", "b", "c", "d"], ["abcd", "bc"])
@example(["abcd"], ["abcd", "bc"])
@example(["xabab", "ac"], ["ababac"])
@example(["aaab"], ["aab"])
def test_pieces_come_out_as_the_whole_text_cut_before_the_first_stop(pieces, stop):
    matcher = StopMatcher(stop)
    out = "".join(matcher.push(piece) for piece in pieces)
    out += matcher.flush()
    assert (out, matcher.stopped) == cut("".join(pieces), stop)


@settings(max_examples=300)
@given(st.lists(words, max_size=8), stops)
def test_no_more_is_held_back_than_may_become_a_stop(pieces, stop):
    matcher = StopMatcher(stop)
    out = text = ""
    for piece in pieces:
        text += piece
        out += matcher.push(piece)
        if matcher.stopped:
            return
        held = text[len(out) :]
        assert held == "" or any(s.startswith(held) and s != held for s in stop)


def test_text_is_released_as_soon_as_it_cannot_become_a_stop():
    matcher = StopMatcher(["\nQ:"])
    assert [matcher.push(c) for c in "a\nbc\nQ"] == ["a", "", "\nb", "c", "", ""]
    assert matcher.flush() == "\nQ"


def test_nothing_comes_through_after_a_stop():
    matcher = StopMatcher(["."])
    assert matcher.push("one. two") == "one"
    assert matcher.push("three") == ""
    assert matcher.flush() == ""


def test_an_empty_stop_string_is_refused():
    with pytest.raises(UserError, match="empty"):
        StopMatcher(["end", ""])


def test_one_string_in_place_of_a_list_is_refused():
    with pytest.raises(TypeError, match="list of strings"):
        StopMatcher("end")
