r"""Examples as sequences of tokens: the input transformations of GPT-1.

Radford et al. 2018, figure 1. With the start token S, the delimiter \$ and the extract token E:

================ =============================================
classification   S text E
entailment       S premise \$ hypothesis E
paraphrase,      S first \$ second E, and S second \$ first E
similarity
choice           S context \$ choice E, for each choice
================ =============================================

A text that is too long loses its end, never the special tokens.
"""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.models import GPTClassifierConfig
from scratchgpt.text import Tokenizer


class InputRows:
    """Converts examples to sequences of tokens, and counts those that are cut.

    Parameters
    ----------
    tokenizer : Tokenizer
        That of the language model. It does not know the three special tokens, so no text contains
        them.
    config : GPTClassifierConfig

    Attributes
    ----------
    n_cut : int
        How many examples have lost the end of a text so far.

    Raises
    ------
    UserError
        If the context of the model is too short for any text.

    Examples
    --------
    >>> from scratchgpt.models import GPTClassifierConfig
    >>> from scratchgpt.text import ByteTokenizer
    >>> config = GPTClassifierConfig(problem="paraphrase", block_size=7, vocab_size=259)
    >>> inputs = InputRows(ByteTokenizer(), config)
    >>> [[row.tolist() for row in example] for example in inputs([("ab", "cde")])]
    [[[256, 97, 98, 257, 99, 100, 258], [256, 99, 100, 257, 97, 98, 258]]]
    >>> inputs.n_cut
    1
    """

    def __init__(self, tokenizer: Tokenizer, config: GPTClassifierConfig) -> None:
        self.tokenizer = tokenizer
        self.config = config
        self.n_cut = 0
        least = 3 if len(config.columns) == 1 else 5  # the special tokens, and one for each text
        if config.block_size < least:
            raise UserError(
                f"block_size={config.block_size} is too short for {config.problem}; it needs at "
                f"least {least}"
            )

    def __call__(self, texts: Sequence[Sequence[str]]) -> list[list[Array]]:
        """Convert examples: for each, one or more int64 arrays of at most block_size tokens.

        Raises
        ------
        UserError
            If the tokenizer cannot encode a text.
        """
        n_texts = len(self.config.columns)
        flat = self.tokenizer.encode_all([text for example in texts for text in example])
        return [self._rows(flat[i : i + n_texts]) for i in range(0, len(flat), n_texts)]

    def _rows(self, texts: list[Array]) -> list[Array]:
        if len(texts) == 1:
            pairs = [texts]
        elif self.config.is_choice:
            pairs = [[texts[0], choice] for choice in texts[1:]]
        elif self.config.n_rows == 2:
            pairs = [texts, texts[::-1]]
        else:
            pairs = [texts]
        room = self.config.block_size - 1 - len(pairs[0])
        self.n_cut += any(sum(map(len, pair)) > room for pair in pairs)
        return [self._join(pair, room) for pair in pairs]

    def _join(self, texts: list[Array], room: int) -> Array:
        start, delimiter, extract = self.config.special_tokens
        if len(texts) == 1:
            return np.concatenate([[start], texts[0][:room], [extract]])
        # Each keeps at least half of the room, and what the other one does not need. The rule is
        # symmetric, so that both orders of a pair have the same texts.
        one, other = (
            text[: max(room // 2, room - len(partner))] for text, partner in (texts, texts[::-1])
        )
        return np.concatenate([[start], one, [delimiter], other, [extract]])
