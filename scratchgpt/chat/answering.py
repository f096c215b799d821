"""The answer of a model to a conversation."""

from typing import NamedTuple

import numpy as np

from scratchgpt.chat.messages import Conversation
from scratchgpt.chat.rendering import Renderer
from scratchgpt.errors import UserError, counted
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.models import GPT, QuantizedGPT

MOST_NEW_TOKENS = 256


class Answer(NamedTuple):
    """An answer of the assistant.

    Attributes
    ----------
    text : str
    is_complete : bool
        Whether the model ended the answer. Otherwise it is cut at the maximum length.
    n_dropped : int
        Number of the oldest messages that the model did not read.
    """

    text: str
    is_complete: bool
    n_dropped: int


def answer(
    model: GPT | QuantizedGPT,
    renderer: Renderer,
    messages: Conversation,
    *,
    max_new_tokens: int = MOST_NEW_TOKENS,
    sampling: SamplingConfig | None = None,
    seed: int = 0,
) -> Answer:
    """Generate the answer of the assistant to a conversation.

    The oldest turns of the conversation are left out if the context has no room for them and for
    the answer. The answer may be shorter than ``max_new_tokens``, but it gets at least a quarter of
    the context.

    Parameters
    ----------
    model : GPT or QuantizedGPT
    renderer : Renderer
    messages : sequence of Message
    max_new_tokens, sampling, seed
        As in :func:`scratchgpt.generation.generate`.

    Raises
    ------
    UserError
        If the last turn does not fit.
    """
    block_size = model.config.block_size
    n_answer = min(max_new_tokens, max(1, block_size // 4))
    prompt = renderer.prompt(messages, block_size + 1 - n_answer)
    room = block_size + 1 - len(prompt.tokens)  # the last token is not read
    if room < n_answer:
        raise UserError(
            f"the last message and the system message take {counted(len(prompt.tokens), 'token')}, "
            f"and block_size={block_size} must have room for the answer; shorten them"
        )
    [generation] = generate(
        model,
        [prompt.tokens],
        max_new_tokens=min(max_new_tokens, room),
        sampling=sampling,
        seed=seed,
        end_of_text=[renderer.markers.end, renderer.markers.start],
        vocab_size=renderer.tokenizer.vocab_size,
    )
    is_complete = generation.finish_reason == "end_of_text"
    tokens = np.asarray(generation.tokens)
    text = renderer.tokenizer.decode(tokens[: len(tokens) - is_complete])
    return Answer(text, is_complete, prompt.n_dropped)
