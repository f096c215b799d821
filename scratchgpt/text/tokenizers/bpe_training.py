"""Training of byte-level BPE, by the ``tokenizers`` library."""

import json
from collections.abc import Iterable

from scratchgpt.errors import UserError
from scratchgpt.text.tokenizers.bpe import BPETokenizer
from scratchgpt.text.tokenizers.tokenizer import END_OF_TEXT, PADDING

SMALLEST = 257  # the 256 bytes and the end of text
LARGEST = 1 << 24  # the tokenizers library reserves memory for all tokens before it trains


def check_bpe_size(vocab_size: int, *, padding: bool = False) -> None:
    """Raise UserError if a vocabulary is too small for its special tokens, or too large."""
    smallest = SMALLEST + padding
    if vocab_size > LARGEST:
        raise UserError(
            f"a bpe vocabulary of {vocab_size:,} is too large; choose at most {LARGEST:,}"
        )
    if vocab_size < smallest:
        specials = "the end of text and the padding" if padding else "the end of text"
        raise UserError(
            f"a bpe vocabulary of {vocab_size} is too small: the 256 bytes and {specials} "
            f"need {smallest}; choose a larger size"
        )


def train_bpe(texts: Iterable[str], vocab_size: int, *, padding: bool = False) -> BPETokenizer:
    """Train a BPE tokenizer; the result is deterministic.

    Parameters
    ----------
    texts : iterable of str
        Pieces of text of any length, read once. For translation, give the texts of both languages:
        a joint vocabulary lets the two share their embeddings.
    vocab_size : int
        At least 257, for the bytes and the end of text. The result can be smaller if the corpus is
        too small for a large vocabulary.
    padding : bool
        Whether to include a ``<|padding|>`` token.

    Raises
    ------
    UserError
        If ``vocab_size`` is too small or too large.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, pre_tokenizers, trainers

    check_bpe_size(vocab_size, padding=padding)
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT, PADDING] if padding else [END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return BPETokenizer(json.loads(backend.to_str()))
