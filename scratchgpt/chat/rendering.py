"""Conversations as tokens: the one format for training, talking and serving.

A conversation is the start token, and for each message the marker of its role, its text and the end
token::

    <|endoftext|> <|user|> 1 + 1? <|end|> <|assistant|> 2 <|end|>

Each text is encoded by itself and the ids are joined, so that the spelling of a marker in a text is
text, and no token crosses the border of a message. The mask is computed from the structure, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.markers import find_markers
from scratchgpt.chat.messages import ASSISTANT, SYSTEM, USER, Conversation, Message
from scratchgpt.errors import UserError
from scratchgpt.text import Tokenizer


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
        With the markers, see :func:`add_markers`.

    Raises
    ------
    UserError
        If the tokenizer has no markers.

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
        markers = find_markers(tokenizer)
        if markers is None:
            raise UserError(
                "the tokenizer has no tokens for the roles of a conversation; use a model that "
                "`scratchgpt sft` has trained"
            )
        self.tokenizer = tokenizer
        self.markers = markers

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
        """
        return self._render(messages, [], most)

    def prompt(self, messages: Conversation, most: int | None = None) -> Rendered:
        """Render a conversation up to the marker of the assistant, whose answer is next.

        No token is counted. ``most`` has the same meaning as in :meth:`render`.
        """
        rendered = self._render(messages, [self.markers.roles[ASSISTANT]], most)
        return rendered._replace(counted=np.zeros_like(rendered.counted))

    def answer(self, text: str) -> Array:
        """Return the tokens of an answer, to follow those of :meth:`prompt`."""
        return np.append(self.tokenizer.encode(text), self.markers.end)

    def _render(self, messages: Conversation, after: list[int], most: int | None) -> Rendered:
        parts = self._parts(messages)
        n_dropped = 0
        if most is not None:
            lengths = [len(part) for part in parts]
            n_dropped = _dropped(messages, lengths, most - 1 - len(after))
        first = int(messages[0].role == SYSTEM) if messages else 0
        kept = [i for i in range(len(parts)) if not first <= i < first + n_dropped]
        tokens = [np.array([self.markers.start]), *(parts[i] for i in kept), np.array(after, int)]
        counted = [np.zeros(len(part), bool) for part in tokens]
        for place, i in enumerate(kept, start=1):
            if messages[i].role == ASSISTANT:
                counted[place][1:] = True  # all but the marker
        return Rendered(np.concatenate(tokens), np.concatenate(counted), n_dropped)

    def _parts(self, messages: Sequence[Message]) -> list[Array]:
        """Return the tokens of each message, with its marker and its end."""
        roles, end = self.markers.roles, self.markers.end
        texts = self.tokenizer.encode_all([message.content for message in messages])
        return [
            np.concatenate([[roles[message.role]], text, [end]]).astype(np.int64)
            for message, text in zip(messages, texts, strict=True)
        ]


def _dropped(messages: Conversation, lengths: Sequence[int], room: int) -> int:
    """Return the number of messages after the system message that must be left out."""
    first = int(messages[0].role == SYSTEM) if messages else 0
    starts = [i for i in range(first + 1, len(messages)) if messages[i].role == USER]
    excess = sum(lengths) - room
    if excess <= 0 or not starts:
        return 0
    enough = (i for i in starts if sum(lengths[first:i]) >= excess)
    return next(enough, starts[-1]) - first
