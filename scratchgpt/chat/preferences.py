"""Preferences: a prompt, its answers, and which of two answers is better."""

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scratchgpt.arguments import real_number
from scratchgpt.chat.messages import ASSISTANT, USER, Message, check_conversation, parse_messages
from scratchgpt.errors import UserError, counted
from scratchgpt.text.pairs.pair_files import parse_line, read_lines

MOST_ANSWERS = 100  # of a prompt; their pairs are ten thousand


@dataclass(frozen=True)
class Preferences:
    """The preferences among the answers to one prompt.

    Attributes
    ----------
    prompt : list of Message
        The conversation up to the answer; it may be empty.
    answers : list of str
    pairs : list of (int, int)
        The index of the better answer, and of the other.
    margins : list of float
        By how much each better answer must win, in units of reward; by default 0.
    weights : list of float
        The relative weight of each pair; by default 1.
    """

    prompt: list[Message]
    answers: list[str]
    pairs: list[tuple[int, int]]
    margins: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, value in (("margins", 0.0), ("weights", 1.0)):
            object.__setattr__(self, name, getattr(self, name) or [value] * len(self.pairs))


def read_preferences(paths: Sequence[Path | str]) -> list[Preferences]:
    """Read the preferences in JSONL files, which may be gzipped.

    Each line is an object in one of these shapes. A prompt is a text of the user or a list of
    messages, and an answer is a text or a list with one message. ``margin`` is optional::

        {"prompt": "1 + 1?", "chosen": "2", "rejected": "3", "margin": 0.5}
        {"chosen": [{"role": "user", ...}, {"role": "assistant", ...}], "rejected": [...]}
        {"prompt": "1 + 1?", "answers": ["2", "It is 2.", "3"], "ranks": [0, 0, 1]}

    In the second shape, both lists begin with the same messages, which are the prompt. In the
    third, the answers are from best to worst, or have ``ranks``, where a lower rank is better and
    equal ranks are a tie.

    Raises
    ------
    UserError
        If a file cannot be read, or a line has none of the shapes; the message names the line. Also
        if there is no preference.

    Warns
    -----
    UserWarning
        About lines that are left out, because an answer is empty, because all answers are equal or
        tied, or because they are equal to another line.
    """
    kept: dict[str, Preferences] = {}
    left_out = {"with an empty answer": 0, "without a preference": 0, "equal to another": 0}
    for path in paths:
        for number, line in enumerate(read_lines(Path(path)), start=1):
            where = f"line {number:,} of {path}"
            one = parse_preferences(parse_line(line, where), where)
            key = repr(one)
            if not all(answer.strip() for answer in one.answers):
                left_out["with an empty answer"] += 1
            elif not one.pairs:
                left_out["without a preference"] += 1
            elif key in kept:
                left_out["equal to another"] += 1
            else:
                kept[key] = one
    name = " and ".join(map(str, paths))
    told = [f"{counted(n, 'line')} {why}" for why, n in left_out.items() if n]
    if not kept:
        raise UserError(f"{name} has no preferences{': ' * bool(told)}{', '.join(told)}; add some")
    if told:
        warnings.warn(f"{name}: leaving out {' and '.join(told)}", stacklevel=2)
    return list(kept.values())


def parse_preferences(value: Any, where: str) -> Preferences:
    """Convert a line of preferences in JSON types; see :func:`read_preferences`."""
    has_pair = isinstance(value, dict) and {"chosen", "rejected"} <= set(value)
    has_answers = isinstance(value, dict) and "answers" in value
    if has_pair == has_answers:
        has = "both" if has_pair else "neither"
        raise UserError(
            f"{where} must have either 'chosen' and 'rejected', or 'answers'; it has {has}"
        )
    if has_answers:
        return _ranked(value, where)
    if "prompt" in value:
        prompt = _prompt(value["prompt"], where)
        answers = [_answer(value[name], f"{where}: {name}") for name in ("chosen", "rejected")]
    else:
        prompt, answers = _common_prompt(value, where)
    margin = real_number(value.get("margin", 0.0))
    if margin is None or not abs(margin) < float("inf"):
        raise UserError(f"{where}: margin={value['margin']!r} must be a number")
    pairs = [(0, 1)] if answers[0] != answers[1] else []
    return Preferences(prompt, answers, pairs, [margin] * len(pairs))


def _ranked(value: dict[str, Any], where: str) -> Preferences:
    """Convert answers with ranks; a pair of equal answers is a tie."""
    prompt = _prompt(value.get("prompt"), where)
    if not isinstance(value["answers"], list) or not 2 <= len(value["answers"]) <= MOST_ANSWERS:
        raise UserError(f"{where}: answers must be a list of 2 to {MOST_ANSWERS} answers")
    answers = [
        _answer(each, f"{where}: answer {number}")
        for number, each in enumerate(value["answers"], 1)
    ]
    ranks = value.get("ranks", list(range(len(answers))))
    if not isinstance(ranks, list) or len(ranks) != len(answers) or None in map(real_number, ranks):
        raise UserError(f"{where}: ranks must be a list of {counted(len(answers), 'number')}")
    pairs = [
        (i, j)
        for i, j in itertools.permutations(range(len(answers)), 2)
        if ranks[i] < ranks[j] and answers[i] != answers[j]
    ]
    return Preferences(prompt, answers, pairs)


def _prompt(value: Any, where: str) -> list[Message]:
    if isinstance(value, str):
        messages = [Message(USER, value)]
        check_conversation(messages, f"{where}: prompt")
        return messages
    return parse_messages(value, f"{where}: prompt")


def _answer(value: Any, where: str) -> str:
    if isinstance(value, str):
        check_conversation([Message(ASSISTANT, value)], where)
        return value
    messages = parse_messages(value, where)
    if len(messages) != 1 or messages[0].role != ASSISTANT:
        raise UserError(f"{where} must be a text, or a list with one message of the assistant")
    return messages[0].content


def _common_prompt(value: dict[str, Any], where: str) -> tuple[list[Message], list[str]]:
    """Split two conversations that differ in their last message."""
    sides = [parse_messages(value[name], f"{where}: {name}") for name in ("chosen", "rejected")]
    if sides[0][:-1] != sides[1][:-1] or any(side[-1].role != ASSISTANT for side in sides):
        raise UserError(
            f"{where}: chosen and rejected must be equal up to a last message of the assistant; "
            "or give the equal part as 'prompt'"
        )
    return sides[0][:-1], [side[-1].content for side in sides]
