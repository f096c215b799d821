"""Requests for chat completions."""

from typing import Any, NamedTuple

from scratchgpt.chat import Message, check_conversation
from scratchgpt.chat.messages import ASSISTANT, SYSTEM, USER
from scratchgpt.errors import UserError, counted
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.fields import Fields, shown
from scratchgpt.serving.generation_fields import GenerationOptions, parse_options
from scratchgpt.serving.limits import Limits

ROLES = {"system": SYSTEM, "developer": SYSTEM, "user": USER, "assistant": ASSISTANT}
MOST_TOP = 20


class ChatRequest(NamedTuple):
    """A request for answers to a conversation.

    Attributes
    ----------
    messages : list of Message
    options : GenerationOptions
    n_top : int or None
        Number of most probable tokens to list for each token; None for no log-probabilities.
    leaves_out_turns : bool
        Whether the oldest turns are left out if the context is full. If not, such a request is
        refused.
    """

    messages: list[Message]
    options: GenerationOptions
    n_top: int | None
    leaves_out_turns: bool = False


def parse_chat_request(fields: Fields, limits: Limits) -> ChatRequest:
    """Read a request for chat completions.

    Raises
    ------
    APIError
        If a field is wrong, or asks for what the model cannot do.
    """
    for name in ("tools", "functions"):
        fields.refuse(name, "the model cannot call functions")
    for name in ("tool_choice", "function_call"):
        fields.refuse(name, "the model cannot call functions", ["none", "auto"])
    fields.refuse("response_format", "the model writes text", [{"type": "text"}])
    fields.refuse("modalities", "the model writes text", [["text"]])
    fields.refuse("audio", "the model writes text")
    n_top = fields.whole("top_logprobs", None, least=0, most=MOST_TOP)
    if not fields.flag("logprobs"):
        if n_top is not None:
            raise APIError(
                "top_logprobs has no effect without logprobs; set logprobs, or leave it out",
                param="top_logprobs",
            )
    else:
        n_top = n_top or 0
    options = parse_options(fields, limits, default_tokens=None)
    # The name and the values that OpenAI's interface for responses has.
    truncation = fields.any("truncation") or "disabled"
    if truncation not in ("auto", "disabled"):
        raise fields.wrong("truncation", "'auto' or 'disabled'")
    return ChatRequest(_messages(fields, limits), options, n_top, truncation == "auto")


def _messages(fields: Fields, limits: Limits) -> list[Message]:
    values = fields.any("messages")
    if not isinstance(values, list) or not values:
        raise fields.wrong("messages", "a list of at least one message")
    if len(values) > limits.messages:
        raise APIError(
            f"messages has {counted(len(values), 'message')}; send at most {limits.messages:,}",
            param="messages",
        )
    messages = [_message(value, f"messages[{i}]") for i, value in enumerate(values)]
    # A system message without content is the same as none.
    messages = [one for one in messages if one.role != SYSTEM or one.content]
    try:
        check_conversation(messages, "messages")
    except UserError as error:
        raise APIError(str(error), param="messages") from None
    return messages


def _message(value: Any, place: str) -> Message:
    fields = Fields(value, f"{place}.")
    role = fields.any("role")
    if not isinstance(role, str) or role not in ROLES:
        raise fields.wrong("role", f"one of {', '.join(ROLES)}")
    for name in ("tool_calls", "function_call"):
        fields.refuse(name, "the model cannot call functions")
    return Message(ROLES[role], _content(fields.any("content"), f"{place}.content"))


def _content(value: Any, place: str) -> str:
    """Return the text of a message; null is an empty text."""
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, list):
        raise APIError(f"{place} is {shown(value)}, not a text; correct it", param=place)
    texts = []
    for i, part in enumerate(value):
        one = Fields(part, f"{place}[{i}].")
        if one.any("type") != "text":
            raise APIError(
                f"{place}[{i}] has the type {shown(one.any('type'))}; the model reads only parts "
                "of type 'text'",
                param=place,
            )
        texts.append(one.text("text") or "")
    return "".join(texts)
