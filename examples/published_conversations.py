"""Read published conversations and instructions from a folder, for ``chat_model.py``.

These files are recognized by their content, wherever they are in the folder; all may be gzipped:

- OASST1 message trees (Open Assistant, Apache 2.0): ``.jsonl`` with a ``prompt`` and its replies.
  Of each reply, the best-ranked answer is read.
- Instructions of self-instruct (Apache 2.0): ``.jsonl`` with ``instruction`` and ``instances``.
- Instructions of "Build a Large Language Model From Scratch" (Apache 2.0): ``.json``, a list of
  objects with ``instruction``, ``input`` and ``output``.
- The ChatterBot corpus (BSD, 3 clauses): ``.yml`` with ``conversations``.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scratchgpt.chat import Message
from scratchgpt.chat.messages import ASSISTANT, USER
from scratchgpt.chat.starter import HeldOut
from scratchgpt.compressed import decompress
from scratchgpt.errors import UserError
from scratchgpt.structured import parse_json
from scratchgpt.utf8 import decode_text

INSTRUCTION = {"instruction", "input", "output"}
# The assistant has a name and a maker of its own, and other data describes other assistants.
ABOUT_THE_ASSISTANT = re.compile(r"\b(you|your|yours|yourself|assistant|AI)\b|\{\{", re.IGNORECASE)

Conversation = list[Message]


def read_folder(folder: Path, held_out: HeldOut) -> tuple[list[Conversation], Counter[str]]:
    """Read all files of a folder that have one of the known shapes.

    Returns
    -------
    conversations : list of conversations
    left_out : Counter
        How many files and conversations are left out, by the reason.

    Raises
    ------
    UserError
        If the folder does not exist or has no conversation.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; name the folder with your copies of the data")
    kept: dict[tuple[Message, ...], None] = {}
    left_out: Counter[str] = Counter()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = list(read_file(path))
        left_out["files of another kind"] += not found
        for messages in found:
            reason = why_not(messages, held_out)
            if reason:
                left_out[reason] += 1
            else:
                kept[tuple(messages)] = None
    if not kept:
        raise UserError(f"{folder} has no conversation of a known kind; see {Path(__file__).name}")
    return [list(messages) for messages in kept], left_out


def why_not(messages: Conversation, held_out: HeldOut) -> str:
    """Return the reason for which a conversation cannot be used, or nothing."""
    texts = [text for m in messages for text in (m.content, *m.content.splitlines())]
    if any(held_out.has(text) for text in texts):
        return "conversations with a test question or a held-out sum"
    if any(ABOUT_THE_ASSISTANT.search(message.content) for message in messages):
        return "conversations about another assistant"
    if not all(message.content.strip() for message in messages):
        return "conversations with an empty message"
    return ""


def read_file(path: Path) -> Iterator[Conversation]:
    """Yield the conversations of a file; none if it has another kind.

    Raises
    ------
    UserError
        If it has one of the known kinds, but is damaged.
    """
    try:
        yield from parse_file(path)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} has a record that lacks something ({error}); remove it from the folder"
        ) from error


def parse_file(path: Path) -> Iterator[Conversation]:
    suffix = "".join(path.suffixes[-2:]).removesuffix(".gz")
    if suffix.endswith((".json", ".jsonl", ".yml")):
        text = decode_text(decompress(path.read_bytes(), str(path)))
        if suffix.endswith(".yml"):
            yield from parse_chatterbot(text)
        elif suffix.endswith(".json"):
            yield from parse_records(parse_json(text, str(path)))
        else:
            lines = text.splitlines()
            yield from parse_records([parse_json(line, str(path)) for line in lines if line])


def parse_records(records: Any) -> Iterator[Conversation]:
    """Yield the conversations of objects, each of which has one of the known shapes."""
    for record in records if isinstance(records, list) else []:
        if not isinstance(record, dict):
            continue
        if set(record) == INSTRUCTION:
            yield instruction(record["instruction"], record["input"], record["output"])
        elif {"instruction", "instances"} <= set(record):
            first = record["instances"][0]
            yield instruction(record["instruction"], first["input"], first["output"])
        elif isinstance(record.get("prompt"), dict) and "replies" in record["prompt"]:
            yield from threads(record["prompt"], [])


def instruction(text: str, given: str, answer: str) -> Conversation:
    question = f"{text}\n{given}" if given else text
    return [Message(USER, question.strip()), Message(ASSISTANT, answer.strip())]


def threads(node: dict[str, Any], before: Conversation) -> Iterator[Conversation]:
    """Yield the conversations of a message tree, of the best-ranked answers."""
    role = USER if node["role"] == "prompter" else ASSISTANT
    messages = [*before, Message(role, node["text"].strip())]
    replies = node.get("replies", [])
    if role == USER and replies:
        replies = [min(replies, key=lambda reply: reply.get("rank") or 0)]
    for reply in replies:
        yield from threads(reply, messages)
    if not replies and role == ASSISTANT:
        yield messages
    elif not replies and before:
        yield before  # the last question has no answer


def parse_chatterbot(text: str) -> Iterator[Conversation]:
    """Yield the first question of each conversation of the ChatterBot corpus, and its answer.

    Only the first answer is read, because the others may be alternatives to it.
    """
    for block in re.split(r"^- - ", text.partition("conversations:")[2], flags=re.MULTILINE)[1:]:
        texts = [" ".join(one.split()) for one in re.split(r"^  - ", block, flags=re.MULTILINE)]
        texts = [re.sub(r"^(['\"])(.*)\1$", r"\2", one) for one in texts]
        if len(texts) > 1:
            yield [Message(USER, texts[0]), Message(ASSISTANT, texts[1])]
