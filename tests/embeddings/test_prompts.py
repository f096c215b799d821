import numpy as np
import pytest

from scratchgpt.embeddings import add_roles
from scratchgpt.embeddings.prompts import Prompts, role_prompts
from scratchgpt.errors import UserError
from scratchgpt.text import train_bpe

TOKENIZER = add_roles(train_bpe(["search query: the end of a text " * 9], 290))
QUERY = TOKENIZER.special_token("<|query|>")
END = TOKENIZER.end_of_text


def tokens(prompts, prompt, texts, most=30):
    rows, n_cut = prompts.tokenize(TOKENIZER, texts, prompt, most)
    return [row.tolist() for row in rows], n_cut


def ids(text):
    return TOKENIZER.encode(text).tolist()


def test_the_prompts_of_a_tokenizer_with_roles():
    prompts = role_prompts(TOKENIZER)
    assert prompts.find("query") == "<|query|>"
    assert prompts.find(None) == prompts.find("document") == "<|document|>"
    assert tokens(prompts, "<|query|>", ["the end"]) == ([[QUERY, *ids("the end"), END]], 0)
    with pytest.raises(UserError, match="lacks the start tokens"):
        role_prompts(train_bpe(["a"], 257))


def test_a_prompt_is_read_as_one_text_with_what_follows_it():
    """A word may cross the boundary between prompt and text, but no special token does."""
    prompts = Prompts({"query": "search query:"}, None, [7], [8, 9])
    [row], _ = tokens(prompts, "search query: ", ["the end"])
    assert row == [7, *ids("search query: the end"), 8, 9]
    [row], _ = tokens(prompts, "<|query|>the ", ["<|query|>end"])
    assert row == [7, QUERY, *ids("the <|query|>end"), 8, 9]
    [row], _ = tokens(prompts, "the<|query|>", [""])
    assert row == [7, *ids("the"), QUERY, 8, 9]


def test_a_text_is_cut_after_the_prompt():
    prompts = Prompts({}, None, [], [END])
    [row], n_cut = tokens(prompts, "<|query|>", ["the end of a text " * 9], most=5)
    assert row == [QUERY, *ids("the end of a text")[:3], END]
    assert n_cut == 1


@pytest.mark.parametrize("prompt", ["<|query|>" * 4, "search query: the end of a text"])
def test_a_prompt_that_leaves_no_room_is_refused(prompt):
    prompts = Prompts({}, None, [], [END])
    with pytest.raises(UserError, match=r"the prompt has \d+ tokens, but the model reads only 5"):
        prompts.tokenize(TOKENIZER, ["a"], prompt, 5)


def test_an_unknown_name_is_refused_with_those_that_there_are():
    prompts = Prompts({"query": "a", "passage": "b"}, None, [], [])
    assert prompts.find(None) == ""
    with pytest.raises(
        UserError, match="'pasage' is not one of query, passage; did you mean 'pass"
    ):
        prompts.find("pasage")
    with pytest.raises(UserError, match="'a' is not known; the encoder has no prompts"):
        Prompts({}, None, [], []).find("a")


def test_tokens_are_of_the_same_type_for_all_texts():
    prompts = role_prompts(TOKENIZER)
    for row in prompts.tokenize(TOKENIZER, ["", "a"], "", 5)[0]:
        assert row.dtype == np.int64
