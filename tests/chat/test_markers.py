import pytest

from scratchgpt.chat import add_markers, find_markers
from scratchgpt.errors import UserError
from scratchgpt.text import ByteTokenizer, train_bpe


def test_markers_follow_the_other_tokens_and_are_added_once():
    tokenizer = train_bpe(["ab"], 257)
    assert find_markers(tokenizer) is None
    marked = add_markers(tokenizer)
    markers = find_markers(marked)
    assert markers.roles == {"system": 257, "user": 258, "assistant": 259}
    assert (markers.start, markers.end) == (0, 260)
    assert add_markers(marked).vocab_size == marked.vocab_size == 261


def test_the_spelling_of_a_marker_is_text():
    marked = add_markers(train_bpe(["ab"], 257))
    assert marked.encode("<|end|><|user|><|endoftext|>").max() < 257
    assert 0 not in marked.encode("<|endoftext|>")


def test_generation_stops_at_the_end_of_an_answer_and_of_a_text():
    ids = find_markers(add_markers(train_bpe(["ab"], 257))).special_ids
    assert (ids.bos, ids.ends) == (0, (260, 0))


def test_other_tokenizers_are_refused():
    with pytest.raises(UserError, match="need a bpe tokenizer, not bytes"):
        add_markers(ByteTokenizer())
    content = train_bpe(["ab"], 257).to_json()
    content = {**content, "added_tokens": []}
    content["model"]["vocab"] = {
        ("a0" if name == "<|endoftext|>" else name): i
        for name, i in content["model"]["vocab"].items()
    }
    from scratchgpt.text import BPETokenizer

    with pytest.raises(UserError, match="an end of text"):
        add_markers(BPETokenizer(content))
