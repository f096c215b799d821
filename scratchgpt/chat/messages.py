"""Conversations: messages with a role, and the checks that every use of them needs."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.text.tokenizers.tokenizer import to_utf8

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
ROLES = (SYSTEM, USER, ASSISTANT)
# Names of the roles in other formats: OpenAI's newer name of system, and those of ShareGPT.
OTHER_NAMES = {"developer": SYSTEM, "human": USER, "gpt": ASSISTANT}


class Message(NamedTuple):
    """A message of a conversation.

    Attributes
    ----------
    role : {"system", "user", "assistant"}
    content : str
    """

    role: str
    content: str


Conversation: TypeAlias = Sequence[Message]


def parse_messages(
    values: Any, where: str, *, role: str = "role", content: str = "content"
) -> list[Message]:
    """Convert messages in JSON types, and check them.

    The content is a string, or a list of OpenAI's parts of type ``text``. A system message without
    content is left out.

    Parameters
    ----------
    values : object
        A list of objects.
    where : str
        The file and line, for error messages.
    role, content : str
        The names of the two fields.

    Raises
    ------
    UserError
        If a message is not valid, or :func:`check_conversation` refuses the conversation.
    """
    if not isinstance(values, list):
        raise UserError(f"{where}: the messages are not a list of objects; correct the line")
    messages = []
    for number, value in enumerate(values, start=1):
        place = f"{where}: message {number}"
        if not isinstance(value, dict) or not {role, content} <= set(value):
            raise UserError(f"{place} is not an object with {role!r} and {content!r}")
        message = Message(_role(value[role], place), _content(value[content], place))
        if message.role != SYSTEM or message.content:
            messages.append(message)
    check_conversation(messages, where)
    return messages


def check_conversation(messages: Conversation, where: str = "the conversation") -> None:
    """Check roles and texts of a conversation.

    Raises
    ------
    UserError
        If there is no message, a role is unknown, a system message is not the first, or a text
        cannot be encoded as UTF-8.
    """
    if not messages:
        raise UserError(f"{where} has no messages; add some")
    for number, message in enumerate(messages, start=1):
        place = f"{where}: message {number}"
        if _role(message.role, place) == SYSTEM and number > 1:
            raise UserError(f"{place} is a system message; only the first message can be one")
        try:
            to_utf8(message.content)
        except UserError as error:
            raise UserError(f"{place}: {error}") from None


def _role(name: Any, place: str) -> str:
    known = [*ROLES, *OTHER_NAMES]
    if name not in known:
        hint = did_you_mean(str(name), known) or f"; the roles are {', '.join(ROLES)}"
        raise UserError(f"{place} has the unknown role {name!r}{hint}")
    return OTHER_NAMES.get(name, name)


def _content(value: Any, place: str) -> str:
    parts = value if isinstance(value, list) else [{"type": "text", "text": value}]
    texts = []
    for part in parts:
        is_text = isinstance(part, dict) and part.get("type") == "text"
        if not is_text or not isinstance(part.get("text"), str):
            raise UserError(f"{place} has content that is not text; leave the conversation out")
        texts.append(part["text"])
    return "".join(texts)
