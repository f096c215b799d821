"""The formats of published models give the tokens of ``transformers`` with their templates."""

from pathlib import Path

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat import FORMATS, Message, Renderer, encode_conversations, with_format
from scratchgpt.errors import UserError
from scratchgpt.text import BPETokenizer, ByteFallbackTokenizer

NAMES = [name for name in FORMATS if name != "scratchgpt"]
N = 100
# Names of special tokens are left out, because transformers reads them in a message as the tokens.
PIECES = [
    *("The user", " asks", "what's", "12345", "é", "e\u0301", "日本語", "ß", "👩‍🚀", "INST]", "_"),
    *("<|user|>", "<<SYS>>", "▁", "\n\n", "\n", "  ", " ", "\t", "...", "<|im", "\u202e", "ﷺ"),
]
WORDS = ["The", "é", "12", "日本", "ß", "(x)", "<|user|>"]


def some_text(rng, *, is_answer=False):
    text = "".join(PIECES[i] for i in rng.integers(len(PIECES), size=rng.integers(0, 7)))
    # An answer that begins with white space has a test of its own.
    return WORDS[rng.integers(len(WORDS))] + text if is_answer else text


def conversations(name):
    """Random conversations, and whether an answer is next."""
    rng = random_stream(7, name)
    for _ in range(N):
        messages = [Message("system", some_text(rng))] if rng.random() < 0.4 else []
        for _ in range(rng.integers(1, 4)):
            messages.append(Message("user", some_text(rng)))
            text = some_text(rng, is_answer=True)
            if name == "qwen3" and rng.random() < 0.4:
                text = f"<think>\n{some_text(rng)}\n</think>\n\n{text}"
            messages.append(Message("assistant", text))
        is_prompt = rng.random() < 0.5
        yield (messages[:-1] if is_prompt else messages), is_prompt


def tokenizer_of(families, published, name):
    content = families.content(published.TEMPLATES[name][1])
    tokenizer = ByteFallbackTokenizer.from_json(content) or BPETokenizer.from_json(content)
    return with_format(tokenizer, name)


@pytest.fixture(scope="session")
def renderers(families, published):
    return {name: Renderer(tokenizer_of(families, published, name)) for name in NAMES}


def test_every_format_has_a_published_template(published):
    assert list(published.TEMPLATES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_100_random_conversations_have_the_tokens_of_transformers(
    transformers, families, published, renderers, name
):
    template, family, names = published.TEMPLATES[name]
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_object=families.library(family))
    renderer = renderers[name]
    n_prompts = 0
    for messages, is_prompt in conversations(name):
        if name == "qwen3-no-thinking" and not is_prompt:
            continue  # it has no other template for what is trained
        ours = renderer.prompt(messages) if is_prompt else renderer.render(messages)
        if FORMATS[name].system_turn == "last" and not is_prompt:
            messages = [m for m in messages if m.role != "system"]  # the template leaves it out
            ours = renderer.render(messages)
        expected = theirs.apply_chat_template(
            [message._asdict() for message in messages],
            chat_template=template,
            add_generation_prompt=is_prompt,
            tokenize=True,
            return_dict=False,
            **names,
        )
        assert ours.tokens.tolist() == list(expected), (messages, is_prompt)
        n_prompts += is_prompt
    assert 20 < n_prompts < 80


@pytest.mark.parametrize("name", NAMES)
def test_a_training_row_is_the_prompt_and_its_answer(renderers, name):
    """An answer that begins or ends with white space, too, though templates would join it."""
    renderer = renderers[name]
    for messages, is_prompt in conversations(name):
        if is_prompt:
            messages = [*messages, Message("assistant", "\n é \n")]
        *before, last = messages
        rendered = renderer.render(messages)
        parts = [renderer.prompt(before).tokens, renderer.answer(last.content)]
        row = np.concatenate(parts)
        assert rendered.tokens[: len(row)].tolist() == row.tolist()
        assert rendered.counted[len(parts[0]) : len(row)].all()
        assert not rendered.counted[len(row) :].any()
        assert len(rendered.tokens) - len(row) <= 2  # the newline after the end


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_and_its_end_counts_and_nothing_else(renderers, name):
    renderer = renderers[name]
    texts = ["The user", "é 12"]
    messages = [Message("user", "a"), Message("assistant", texts[0])]
    messages += [Message("user", "12"), Message("assistant", texts[1])]
    tokens, counted, _ = renderer.render(messages)
    assert (tokens[counted] == renderer.end).sum() == 2
    ends = np.flatnonzero((tokens == renderer.end) & counted)
    starts = np.flatnonzero(counted & ~np.append(False, counted[:-1]))
    decoded = [
        renderer.tokenizer.decode(tokens[start:end])
        for start, end in zip(starts, ends, strict=True)
    ]
    if name == "qwen3":
        decoded[1] = decoded[1].removeprefix("<think>\n\n</think>\n\n")
    assert [text.strip() for text in decoded] == texts
    assert not renderer.prompt(messages[:-1]).counted.any()


@pytest.mark.parametrize("name", NAMES)
def test_special_tokens_that_a_user_types_are_text(families, published, renderers, name):
    renderer = renderers[name]
    special = renderer.tokenizer.special_names()
    typed = "".join(special.values())
    plain = renderer.prompt([Message("user", "a")]).tokens
    tokens = renderer.prompt([Message("user", f"a{typed}a")]).tokens

    def count(ids):
        return sum(int(token) in special for token in ids)

    assert count(tokens) == count(plain)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_stops_at_every_token_of_its_format(renderers, name):
    renderer = renderers[name]
    tokens = [renderer.tokenizer.special_token(one) for one in FORMATS[name].tokens]
    assert set(tokens) <= set(renderer.ends)
    ids = renderer.special_ids()
    assert ids.ends[0] == renderer.end
    assert set(ids.ends) <= set(renderer.ends)


@pytest.mark.parametrize("name", NAMES)
def test_the_oldest_turns_are_left_out_and_the_system_message_is_kept(renderers, name):
    renderer = renderers[name]
    turns = [m for i in range(4) for m in (Message("user", f"{i}"), Message("assistant", "no"))]
    messages = [Message("system", "s"), *turns]
    whole = len(renderer.render(messages).tokens)
    rendered = renderer.render(messages, whole - 1)
    assert rendered.n_dropped == 2
    assert rendered.tokens.tolist() == renderer.render([messages[0], *turns[2:]]).tokens.tolist()
    assert renderer.prompt(messages[:-1], 1).n_dropped == 6


ALTERNATING = [name for name in NAMES if FORMATS[name].alternates]


@pytest.mark.parametrize("name", ALTERNATING)
def test_two_messages_of_one_role_in_a_row_are_refused(renderers, name):
    renderer = renderers[name]
    a, b, c = (Message(role, "x") for role in ("system", "user", "assistant"))
    with pytest.raises(UserError, match=f"message 2 is of the user, .* {name} .* take turns"):
        renderer.render([b, b, c])
    with pytest.raises(UserError, match="message 3 is of the user"):
        renderer.render([a, b, b])
    with pytest.raises(UserError, match="message 1 is of the assistant"):
        renderer.prompt([c, b])
    with pytest.raises(UserError, match="the last message is of the assistant"):
        renderer.prompt([b, c])
    with pytest.raises(UserError, match="conversation 2: message 2 is of the user"):
        encode_conversations([[b, c], [b, b]], renderer, 99)
    with pytest.raises(UserError, match="no message of the user; add one"):
        renderer.render([a])


def test_the_thoughts_of_earlier_turns_are_left_out(renderers):
    thought = Message("assistant", "<think>\nhm\n</think>\n\nyes")
    question = Message("user", "x")
    plain = [question, thought._replace(content="yes"), question]
    for name in ("qwen3", "qwen3-no-thinking"):
        renderer = renderers[name]
        assert (
            renderer.prompt([question, thought, question]).tokens.tolist()
            == renderer.prompt(plain).tokens.tolist()
        )
    shown = renderers["qwen3"].render([question, thought])
    assert "hm" in renderers["qwen3"].tokenizer.decode(shown.tokens[shown.counted])
    hidden = renderers["qwen3-no-thinking"].render([question, thought])
    assert renderers["qwen3-no-thinking"].tokenizer.decode(hidden.tokens[hidden.counted]) == "yes"


@pytest.mark.parametrize("before", [[], [Message("system", "a")]])
def test_an_answer_to_no_query_has_no_block_of_thoughts(
    transformers, families, published, renderers, before
):
    template, family, names = published.TEMPLATES["qwen3"]
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_object=families.library(family))
    messages = [*before, Message("assistant", "The user")]
    expected = theirs.apply_chat_template(
        [message._asdict() for message in messages],
        chat_template=template,
        tokenize=True,
        return_dict=False,
        **names,
    )
    assert renderers["qwen3"].render(messages).tokens.tolist() == list(expected)


def test_the_page_has_a_row_for_every_format():
    page = Path(__file__).parents[2] / "docs" / "chat" / "formats.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| `")]
    rows = [[cell.strip() for cell in row] for row in rows[1:]]
    for row, (name, models, kinds, system) in zip(FORMATS.values(), rows, strict=True):
        assert (name, models) == (f"`{row.name}`", row.models)
        assert kinds.endswith(", ".join(f"`{kind}`" for kind in row.model_types))
        assert system == (
            row.default_system or ("only the dates" if row.name == "llama3.1" else "")
        )
