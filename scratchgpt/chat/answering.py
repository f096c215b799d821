"""The answer of a model to a conversation."""

from typing import NamedTuple

from scratchgpt.chat.engine import MOST_NEW_TOKENS, ChatEngine
from scratchgpt.chat.messages import Conversation
from scratchgpt.chat.rendering import Renderer
from scratchgpt.generation import SamplingConfig
from scratchgpt.models import GPT, QuantizedGPT


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
    """Generate the answer of the assistant to one conversation, see :meth:`ChatEngine.stream`.

    A :class:`ChatEngine` answers several turns of a conversation in less time.

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
    engine = ChatEngine(model, renderer.tokenizer)
    pieces = list(
        engine.stream(messages, max_new_tokens=max_new_tokens, sampling=sampling, seed=seed)
    )
    text = "".join(piece.text for piece in pieces)
    return Answer(text, pieces[-1].finish_reason == "stop", pieces[-1].n_dropped)
