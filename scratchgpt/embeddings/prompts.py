"""Prompts: the texts that an encoder reads before each text, by name.

A prompt may contain special tokens. The start token of a role is such a prompt.
"""

from collections.abc import Sequence
from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.embeddings.roles import DOCUMENT, START_TOKENS, add_delimiters, find_roles
from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.text import BPETokenizer


class Prompts(NamedTuple):
    """What an encoder reads around a text.

    Attributes
    ----------
    texts : dict of str to str
        The prompts by name.
    default : str or None
        Name of the prompt that is used if none is given.
    before, after : list of int
        Tokens before the prompt and after the text.
    """

    texts: dict[str, str]
    default: str | None
    before: list[int]
    after: list[int]

    def find(self, name: str | None) -> str:
        """Return the prompt with a name, or the default."""
        name = self.default if name is None else name
        if name is None:
            return ""
        if not self.texts:
            raise UserError(f"prompt_name={name!r} is not known; the encoder has no prompts")
        if name not in self.texts:
            raise UserError(
                f"prompt_name={name!r} is not one of {', '.join(self.texts)}"
                f"{did_you_mean(name, self.texts)}"
            )
        return self.texts[name]

    def tokenize(
        self, tokenizer: BPETokenizer, texts: Sequence[str], prompt: str, most: int
    ) -> tuple[list[Array], int]:
        """Return the tokens of texts with a prompt, and how many texts were cut.

        Special tokens are read only in the prompt; in a text their names are text. A text is cut
        before the tokens after it.
        """
        first, rest = tokenizer.split_prompt(prompt)
        start = [*self.before, *first]
        n_prompt = len(start) + len(tokenizer.encode(rest)) if rest else len(start)
        if n_prompt + len(self.after) >= most:
            raise UserError(
                f"the prompt has {counted(n_prompt, 'token')}, but the model reads only "
                f"{counted(most, 'token')}; choose a shorter prompt"
            )
        tokens = tokenizer.encode_all([rest + text for text in texts])
        return add_delimiters(tokens, start, self.after, most)


def role_prompts(tokenizer: BPETokenizer) -> Prompts:
    """Return the start tokens of both roles as prompts.

    Raises
    ------
    UserError
        If the tokenizer lacks them.
    """
    roles = find_roles(tokenizer)
    if roles is None:
        raise UserError(
            "the tokenizer lacks the start tokens of queries and documents; use the "
            "tokenizer.json that was saved with the encoder"
        )
    return Prompts(dict(START_TOKENS), DOCUMENT, [], [roles.end])
