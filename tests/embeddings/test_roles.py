import numpy as np
import pytest

from scratchgpt.embeddings import add_roles
from scratchgpt.embeddings.roles import add_delimiters, find_roles
from scratchgpt.errors import UserError
from scratchgpt.text import ByteTokenizer, train_bpe


def test_start_tokens_follow_the_other_tokens():
    before = train_bpe(["a b c"], 260)
    after = add_roles(before)
    n = before.vocab_size
    assert after.vocab_size == n + 2
    assert find_roles(after) == ({"query": n, "document": n + 1}, before.end_of_text)
    np.testing.assert_array_equal(after.encode("<|query|> a"), before.encode("<|query|> a"))
    assert add_roles(after).vocab_size == n + 2
    assert find_roles(before) is None
    assert find_roles(ByteTokenizer()) is None


def test_tokenizers_that_cannot_have_roles_are_refused():
    with pytest.raises(UserError, match="an encoder needs a bpe tokenizer, not bytes"):
        add_roles(ByteTokenizer())
    tokenizer = train_bpe(["a b c"], 260)
    tokenizer.end_of_text = None
    with pytest.raises(UserError, match="needs a tokenizer with an end of text"):
        add_roles(tokenizer)


def test_delimiters_stand_around_a_text_that_is_cut_to_fit():
    texts = [np.arange(n) for n in (0, 3, 4, 9)]
    rows, n_cut = add_delimiters(texts, [20], 30, 6)
    assert [row.tolist() for row in rows] == [
        [20, 30],
        [20, 0, 1, 2, 30],
        [20, 0, 1, 2, 3, 30],
        [20, 0, 1, 2, 3, 30],
    ]
    assert n_cut == 1
    rows, n_cut = add_delimiters(texts[:2], [20, 21], [30, 31], 4)
    assert [row.tolist() for row in rows] == [[20, 21, 30, 31]] * 2
    assert n_cut == 1
    assert add_delimiters([], [20], 30, 6) == ([], 0)
