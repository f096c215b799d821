import pytest

from scratchgpt.chat import ChatEngine, Dialogue, Message
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig


@pytest.fixture
def dialogue(tokenizer):
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": 64}
    model = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size))
    return Dialogue(ChatEngine(model, tokenizer), max_new_tokens=4, seed=5)


def test_answers_are_part_of_the_conversation_and_have_seeds_in_order(dialogue):
    for number, text in enumerate(("ab", "cd")):
        asked = [*dialogue.messages, Message("user", text)]
        expected = dialogue.engine.stream(asked, max_new_tokens=4, seed=5 + number)
        answer = "".join(piece.text for piece in expected)
        assert "".join(piece.text for piece in dialogue.say(text)) == answer
        assert dialogue.messages == [*asked, Message("assistant", answer)]
    assert dialogue.n_answers == 2


def test_an_answer_that_is_stopped_at_once_leaves_no_message(dialogue):
    [piece] = dialogue.say("ab", lambda: True)
    assert piece.finish_reason == "canceled"
    assert dialogue.messages == []
    next(dialogue.say("ab"))  # not read to its end
    assert dialogue.messages == []


def test_the_system_message_stays_first(dialogue):
    dialogue.set_system("be kind")
    list(dialogue.say("ab"))
    dialogue.set_system("be brief")
    assert [m.role for m in dialogue.messages] == ["system", "user", "assistant"]
    dialogue.load([Message("user", "x"), Message("assistant", "y")])
    assert dialogue.messages[0] == Message("system", "be brief")
    dialogue.load([Message("system", "other"), Message("user", "x")])
    assert dialogue.messages == [Message("system", "other"), Message("user", "x")]
    dialogue.reset()
    assert dialogue.messages == [Message("system", "other")]
    dialogue.set_system("")
    assert dialogue.messages == []


def test_text_that_is_not_utf_8_is_refused(dialogue):
    with pytest.raises(UserError, match="message 1"):
        dialogue.say("\ud800")
