"""Conversations in JSONL files, in the shape of OpenAI or of ShareGPT."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchgpt.chat.messages import (
    ASSISTANT,
    SYSTEM,
    Conversation,
    Message,
    parse_messages,
)
from scratchgpt.errors import UserError, counted
from scratchgpt.files import write_text
from scratchgpt.text.pairs.pair_files import parse_line, read_lines

OPENAI, SHAREGPT = "messages", "conversations"


def read_conversations(paths: Sequence[Path | str]) -> list[list[Message]]:
    """Read the conversations in JSONL files, which may be gzipped.

    Each line is an object in one of two shapes. Its other fields are not read::

        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", ...}]}
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", ...}]}

    An object of the second shape may have a ``system`` message.

    Raises
    ------
    UserError
        If a file cannot be read, or a line is not a conversation; the message names the line. Also
        if no conversation has something to learn.

    Warns
    -----
    UserWarning
        About conversations that are left out, because the assistant says nothing in them, because
        one of its messages is empty, or because they are equal to another. Also about messages
        after the last one of the assistant, which are left out because nothing answers them.
    """
    conversations = [one for path in paths for one in _read(Path(path))]
    kept: dict[tuple[Message, ...], None] = {}
    n_unanswered = 0
    left_out = {"without an answer": 0, "with an empty answer": 0, "equal to another": 0}
    for messages in conversations:
        answers = [i for i, message in enumerate(messages) if message.role == ASSISTANT]
        key = tuple(messages[: answers[-1] + 1]) if answers else ()
        if not answers:
            left_out["without an answer"] += 1
        elif not all(messages[i].content.strip() for i in answers):
            left_out["with an empty answer"] += 1
        elif key in kept:
            left_out["equal to another"] += 1
        else:
            kept[key] = None
            n_unanswered += len(messages) - len(key)
    name = " and ".join(map(str, paths))
    told = [f"{counted(n, 'conversation')} {why}" for why, n in left_out.items() if n]
    if not kept:
        why = f": {', '.join(told)}" if told else ""
        raise UserError(f"{name} has no conversation with something to learn{why}; add answers")
    if n_unanswered:
        told.append(f"{counted(n_unanswered, 'message')} after the last answer")
    if told:
        warnings.warn(f"{name}: leaving out {' and '.join(told)}", stacklevel=2)
    return [list(messages) for messages in kept]


def read_conversation(path: Path | str) -> list[Message]:
    """Read the one conversation in a JSONL file, with messages that nothing answers.

    Raises
    ------
    UserError
        If the file cannot be read, or does not have exactly one conversation.
    """
    conversations = _read(Path(path))
    if len(conversations) != 1:
        raise UserError(
            f"{path} has {counted(len(conversations), 'conversation')}; name a file with one, such "
            "as /save in `scratchgpt chat` writes"
        )
    return conversations[0]


def write_conversation(path: Path, messages: Conversation) -> None:
    """Write a conversation as a line in the shape of OpenAI, which the readers here read.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    line = json.dumps({OPENAI: [message._asdict() for message in messages]}, ensure_ascii=False)
    write_text(path, line + "\n")


def _read(path: Path) -> list[list[Message]]:
    found = []
    for number, line in enumerate(read_lines(path), start=1):
        where = f"line {number:,} of {path}"
        found.append(parse_conversation(parse_line(line, where), where))
    return found


def parse_conversation(value: Any, where: str) -> list[Message]:
    """Convert a conversation in JSON types; see :func:`read_conversations`.

    Raises
    ------
    UserError
        If it has neither shape, or a message is not valid; the message has ``where``.
    """
    shapes = [name for name in (OPENAI, SHAREGPT) if isinstance(value, dict) and name in value]
    if len(shapes) != 1:
        has = "both" if shapes else "neither"
        raise UserError(
            f"{where} is not a conversation: an object with {OPENAI!r} (role and content) or "
            f"{SHAREGPT!r} (from and value), and this one has {has}"
        )
    if shapes == [OPENAI]:
        return parse_messages(value[OPENAI], where)
    messages = value[SHAREGPT]
    if value.get(SYSTEM) and isinstance(messages, list):
        messages = [{"from": SYSTEM, "value": value[SYSTEM]}, *messages]
    return parse_messages(messages, where, role="from", content="value")
