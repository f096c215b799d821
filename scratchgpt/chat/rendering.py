"""Conversations as tokens: the same for training, talking and serving.

A conversation in our own format is the start token, and for each message the marker of its role,
its text and the end token::

    <|endoftext|> <|user|> 1 + 1? <|end|> <|assistant|> 2 <|end|>

``formats.py`` has the formats of other models. The ids of special tokens are joined with those of
the texts between them, so that the spelling of a special token in a message is text. An answer is
encoded by itself, as the model writes it after a prompt. The mask is computed from the structure.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.chat_format import ChatFormat
from scratchgpt.chat.messages import ASSISTANT, SYSTEM, USER, Conversation
from scratchgpt.chat.recognition import find_format, not_recognized
from scratchgpt.errors import UserError
from scratchgpt.special_ids import SpecialIds
from scratchgpt.text import BPETokenizer, Place, Tokenizer

# A special token or a text, and whether it counts.
_Part = tuple[int | str, bool]


class Rendered(NamedTuple):
    """A conversation as tokens.

    Attributes
    ----------
    tokens : int64 array (T,)
    counted : bool array (T,)
        The tokens to learn: the text of the assistant and the end token after it.
    n_dropped : int
        Number of the oldest messages that do not fit and are left out.
    """

    tokens: Array
    counted: Array
    n_dropped: int = 0


class Renderer:
    """Renders conversations as tokens.

    Parameters
    ----------
    tokenizer : Tokenizer
        The tokenizer of a chat model, see :func:`chat_tokenizer`.

    Attributes
    ----------
    format : ChatFormat
    start, end : int or None, int
        The first token of a conversation, if it is special, and the token that ends an answer.
    ends : tuple of int
        The tokens that end an answer: the model stops at any special token of the format.

    Raises
    ------
    UserError
        If the format of the conversations is not known, or the tokenizer lacks a token of it.

    Examples
    --------
    >>> from scratchgpt.chat import Message, Renderer, add_markers
    >>> from scratchgpt.text import train_bpe
    >>> renderer = Renderer(add_markers(train_bpe(["1 + 1"], 257)))
    >>> rendered = renderer.render([Message("user", "1+1"), Message("assistant", "2")])
    >>> rendered.tokens.tolist()
    [0, 258, 17, 11, 17, 260, 259, 18, 260]
    >>> rendered.counted.astype(int).tolist()
    [0, 0, 0, 0, 0, 0, 0, 1, 1]
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        row = find_format(tokenizer)
        if row is None or not isinstance(tokenizer, BPETokenizer):
            raise not_recognized()
        self.tokenizer = tokenizer
        self.format = row
        self._ids = _ids_of(tokenizer, row)
        self._names = re.compile(f"({'|'.join(map(re.escape, row.tokens))})")
        self.end = self._ids[row.end]
        begin: list[_Part] = []
        if row.starts_with_end and tokenizer.end_of_text is not None:
            begin.append((tokenizer.end_of_text, False))
        self._start = [*begin, *self._split(row.start)]
        first = self._start[0][0] if self._start else None
        self.start = first if isinstance(first, int) else None
        ends = [self.end, *(token for token, _ in begin), *map(tokenizer.special_token, row.ends)]
        self._text_ends = tuple(dict.fromkeys(one for one in ends if isinstance(one, int)))
        self.ends = tuple(dict.fromkeys([*self._text_ends, *self._ids.values()]))

    def special_ids(self, before: SpecialIds | None = None) -> SpecialIds:
        """Return the tokens that begin and end a text of a model, which had those of ``before``."""
        bos = before.bos if self.start is None and before is not None else self.start
        return SpecialIds(bos, self._text_ends)

    def render(self, messages: Conversation, most: int | None = None) -> Rendered:
        """Render a whole conversation.

        Parameters
        ----------
        messages : sequence of Message
        most : int, optional
            Maximum number of tokens. The oldest turns of a longer conversation are left out. A turn
            is a message of the user and all messages up to the next one. The system message and the
            last turn are never left out, and no message is cut.

        Returns
        -------
        rendered : Rendered
            Longer than ``most`` if the system message and the last turn do not fit.

        Raises
        ------
        UserError
            If the format cannot express the conversation.
        """
        return self._render(messages, False, most)

    def prompt(self, messages: Conversation, most: int | None = None) -> Rendered:
        """Render a conversation up to the place of the answer of the assistant, which is next.

        No token is counted. ``most`` has the same meaning as in :meth:`render`.
        """
        if self.format.alternates and messages and messages[-1].role != USER:
            raise UserError(
                f"the last message is of the {messages[-1].role}, but in the chat format "
                f"{self.format.name} an answer follows a message of the user; add one"
            )
        rendered = self._render(messages, True, most)
        return rendered._replace(counted=np.zeros_like(rendered.counted))

    def answer(self, text: str) -> Array:
        """Return the tokens of an answer, to follow those of :meth:`prompt`."""
        if ASSISTANT in self.format.strips:
            text = text.strip()
        _, text = self.format.written_answer(text, is_last=True, after_query=True)
        before = self._split(self.format.prompt_header or self.format.user[1])
        place = Place.TOKEN if isinstance(before[-1][0], int) else Place.TEXT
        begin, end = self.format.answer
        [tokens] = self.tokenizer.encode_after(place, [begin + text + end])
        return np.append(tokens, self.end)

    def _render(self, messages: Conversation, is_prompt: bool, most: int | None) -> Rendered:
        first = int(messages[0].role == SYSTEM) if messages else 0
        known: dict[tuple[Place, str], Array] = {}
        rendered = None
        for n_dropped in _turns_to_drop(messages, first):
            kept = [*messages[:first], *messages[first + n_dropped :]]
            sections = list(_sections(self._parts(kept, is_prompt)))
            self._encode(sections, known)
            tokens = [
                np.array([part]) if isinstance(part, int) else known[place, part]
                for place, part, _ in sections
            ]
            counted = [
                np.full(len(some), is_counted)
                for some, (_, _, is_counted) in zip(tokens, sections, strict=True)
            ]
            rendered = Rendered(
                np.concatenate([np.zeros(0, np.int64), *tokens]),
                np.concatenate([np.zeros(0, bool), *counted]),
                n_dropped,
            )
            if most is None or len(rendered.tokens) <= most:
                break
        assert rendered is not None
        return rendered

    def _parts(self, messages: Conversation, is_prompt: bool) -> Iterator[_Part]:
        """Yield special tokens and texts of a conversation, in order."""
        row = self.format
        arranged = row.arrange(messages)
        queries = [i for i, one in enumerate(arranged) if one.role == USER]
        last_query = queries[-1] if queries else len(arranged)  # no answer is to a query
        yield from self._start
        for i, message in enumerate(arranged):
            if message.role == ASSISTANT:
                header, text = row.written_answer(
                    message.content, is_last=i == len(arranged) - 1, after_query=i > last_query
                )
                yield from self._split(header)
                yield text.join(row.answer), True
                yield self.end, True
                yield from self._split(row.after)
            else:
                around = row.system if message.role == SYSTEM else row.user
                assert around is not None  # the system message has its place
                yield from self._split(around[0])
                yield message.content, False
                yield from self._split(around[1])
        if is_prompt:
            yield from self._split(row.prompt_header)

    def _split(self, text: str) -> list[_Part]:
        """Split a text of the format into special tokens and the texts between them."""
        parts = self._names.split(text)
        return [(self._ids[part] if i % 2 else part, False) for i, part in enumerate(parts) if part]

    def _encode(
        self,
        sections: Iterable[tuple[Place, int | str, bool]],
        known: dict[tuple[Place, str], Array],
    ) -> None:
        """Encode the texts that are not known yet, those of each place together."""
        new: dict[Place, list[str]] = {}
        for place, part, _ in sections:
            if isinstance(part, str) and (place, part) not in known:
                new.setdefault(place, []).append(part)
        for place, texts in new.items():
            for text, tokens in zip(texts, self.tokenizer.encode_after(place, texts), strict=True):
                known[place, text] = tokens


def _ids_of(tokenizer: BPETokenizer, row: ChatFormat) -> dict[str, int]:
    ids = {}
    special = tokenizer.special_names()
    for name in row.tokens:
        token = tokenizer.special_token(name)
        if token is None:
            raise UserError(
                f"the tokenizer has no token {name}, which the chat format {row.name} needs; "
                "choose another --chat-format"
            )
        if token not in special:
            raise UserError(
                f"the tokenizer has {name} as an ordinary token, so a message could contain it; "
                'set "special": true for it in tokenizer.json, or choose another --chat-format'
            )
        ids[name] = token
    return ids


def _sections(parts: Iterable[_Part]) -> Iterator[tuple[Place, int | str, bool]]:
    """Join neighboring texts that count alike, and yield what is before each section, too."""
    place = Place.START
    text, is_counted = "", False
    for part, counts in (*parts, (-1, False)):
        if text and (isinstance(part, int) or counts != is_counted):
            yield place, text, is_counted
            text, place = "", Place.TEXT
        if isinstance(part, str):
            text, is_counted = text + part, counts
        elif part >= 0:
            yield place, part, counts
            place = Place.TOKEN


def _turns_to_drop(messages: Conversation, first: int) -> list[int]:
    """Return the numbers of messages after ``first`` that can be left out, from the oldest turn."""
    return [0, *(i - first for i in range(first + 1, len(messages)) if messages[i].role == USER)]
