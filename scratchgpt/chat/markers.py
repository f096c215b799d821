"""The tokens that structure a conversation: they cannot be typed, because they are not text."""

from typing import NamedTuple

from scratchgpt.chat.messages import ROLES
from scratchgpt.errors import UserError
from scratchgpt.special_ids import SpecialIds
from scratchgpt.text import BPETokenizer, Tokenizer

MARKER_NAMES = {role: f"<|{role}|>" for role in ROLES}  # the token before a message of each role
END_NAME = "<|end|>"  # the token after every message


class Markers(NamedTuple):
    """The ids of the tokens that structure a conversation.

    Attributes
    ----------
    start : int
        The first token of a conversation: the end of a text, after which a language model has seen
        the beginning of another.
    roles : dict of str to int
        The token before a message, by role.
    end : int
        The token after every message.
    """

    start: int
    roles: dict[str, int]
    end: int

    @property
    def ends(self) -> tuple[int, ...]:
        """The tokens that end an answer: no marker can be in one, so a model stops at any."""
        return (self.end, self.start, *self.roles.values())

    @property
    def special_ids(self) -> SpecialIds:
        """The tokens that begin and end a text of the model: an answer ends with ``end``."""
        return SpecialIds(self.start, (self.end, self.start))


def add_markers(tokenizer: Tokenizer) -> BPETokenizer:
    """Return the tokenizer with the markers, after its other tokens.

    Raises
    ------
    UserError
        If the tokenizer cannot have more tokens, or has no end of text.
    """
    if not isinstance(tokenizer, BPETokenizer):
        raise UserError(
            f"conversations need a bpe tokenizer, not {tokenizer.kind}; choose tokenizer=bpe:4096, "
            "or start from a model with such a tokenizer"
        )
    if tokenizer.end_of_text is None:
        raise UserError(
            "conversations need a tokenizer with an end of text, such as bpe:4096; the first "
            "token of a conversation is this token"
        )
    return tokenizer.with_special_tokens([*MARKER_NAMES.values(), END_NAME])


def find_markers(tokenizer: Tokenizer) -> Markers | None:
    """Return the markers of a tokenizer, or None if it lacks one of them."""
    if not isinstance(tokenizer, BPETokenizer) or tokenizer.end_of_text is None:
        return None
    ids = {role: tokenizer.special_token(name) for role, name in MARKER_NAMES.items()}
    roles = {role: token for role, token in ids.items() if token is not None}
    end = tokenizer.special_token(END_NAME)
    if end is None or len(roles) < len(ids):
        return None
    return Markers(tokenizer.end_of_text, roles, end)
