"""Ask a chat model the questions of its test, for ``chat_model.py``."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from scratchgpt.chat import Conversation, Message, Renderer, answer
from scratchgpt.chat.messages import ASSISTANT, USER
from scratchgpt.chat.starter import TURNS, draw_questions
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.models import GPT
from scratchgpt.recipes.model_folder import find_model, load_gpt
from scratchgpt.text import load_tokenizer

TARGETS = {"greeting": 16, "identity": 16, "sum": 90, "ended": 133}  # of 20, 20, 100 and 140
MOST_NEW_TOKENS = 48
AT_ONCE = 32  # prompts that are answered in a batch
GREEDY = SamplingConfig(temperature=0.0)


def load_chat(folder: Path) -> tuple[GPT, Renderer]:
    """Load the model of a run, and the renderer of its conversations."""
    last = find_model(folder, "last")
    return load_gpt(last), Renderer(load_tokenizer(last))


def sample_answers(
    model: GPT,
    renderer: Renderer,
    conversations: Sequence[Conversation],
    sampling: SamplingConfig,
    seed: int,
) -> Iterator[tuple[str, bool]]:
    """Yield an answer to each conversation, and whether the model has ended it."""
    tokenizer = renderer.tokenizer
    most = model.config.block_size - MOST_NEW_TOKENS
    prompts = [renderer.prompt(one, most).tokens for one in conversations]
    for first in range(0, len(prompts), AT_ONCE):  # a batch uses the same random numbers
        results = generate(
            model,
            prompts[first : first + AT_ONCE],
            max_new_tokens=MOST_NEW_TOKENS,
            sampling=sampling,
            seed=seed + first,
            end_of_text=renderer.special_ids().ends,
            vocab_size=tokenizer.vocab_size,
        )
        for result in results:
            ended = result.finish_reason == "end_of_text"
            yield tokenizer.decode(result.tokens[: len(result.tokens) - ended]), ended


def count_right(model: GPT, renderer: Renderer) -> tuple[dict[str, int], list[str]]:
    """Return the numbers of right answers and of those that end, and the wrong answers."""
    questions = draw_questions()
    asked = [one.messages for one in questions]
    counts, wrong = dict.fromkeys(TARGETS, 0), []
    answers = sample_answers(model, renderer, asked, GREEDY, seed=0)
    for question, (text, ended) in zip(questions, answers, strict=True):
        is_right = ended and text in question.answers
        counts[question.kind] += is_right
        counts["ended"] += ended
        if not is_right:
            wrong.append(f"{question.text!r} -> {text.strip()!r}")
    return counts, wrong


def describe(counts: dict[str, int]) -> str:
    return (
        f"{counts['greeting']} of 20 greetings, {counts['identity']} of 20 identity questions and "
        f"{counts['sum']} of 100 sums are right; {counts['ended']} of 140 answers end"
    )


def talk(model: GPT, renderer: Renderer) -> list[Message]:
    """Have a conversation of ten turns, and return its messages."""
    messages: list[Message] = []
    for text in TURNS:
        messages.append(Message(USER, text))
        result = answer(model, renderer, messages, max_new_tokens=MOST_NEW_TOKENS, sampling=GREEDY)
        messages.append(Message(ASSISTANT, result.text.strip()))
    return messages
