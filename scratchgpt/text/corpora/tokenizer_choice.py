"""The tokenizer that a command-line word specifies: an existing one, or one to be trained."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.text.cache import cache_directory
from scratchgpt.text.corpora.corpora import find_documents
from scratchgpt.text.corpora.corpus_reader import CorpusReader, ProgressCallback
from scratchgpt.text.tokenizers.bpe_training import check_bpe_size, train_bpe
from scratchgpt.text.tokenizers.byte_level import ByteTokenizer
from scratchgpt.text.tokenizers.characters import CharacterTokenizer
from scratchgpt.text.tokenizers.loading import load_tokenizer
from scratchgpt.text.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class UntrainedTokenizer:
    """The specification of a tokenizer that must be trained on a corpus.

    Attributes
    ----------
    spec : str
        ``characters`` or ``bpe:SIZE``.
    bpe_size : int or None
    """

    spec: str
    bpe_size: int | None = None

    @property
    def kind(self) -> str:
        """The kind of the tokenizer."""
        return "characters" if self.bpe_size is None else "bpe"

    def train(self, corpus: CorpusReader) -> Tokenizer:
        """Train the tokenizer on a corpus, which is read once."""
        texts = corpus.all_pieces(f"learning {self.spec}")
        if self.bpe_size is not None:
            return train_bpe(texts, self.bpe_size)
        alphabet: set[str] = set()
        for text in texts:
            alphabet.update(text)
        return CharacterTokenizer(alphabet)


def choose_tokenizer(spec: str | Tokenizer) -> Tokenizer | UntrainedTokenizer:
    """Return the tokenizer that the value of ``--tokenizer`` specifies.

    Parameters
    ----------
    spec : str or Tokenizer
        ``bytes``, ``characters``, ``bpe:SIZE``, the path of a ``tokenizer.json`` or of a model's
        folder (see :func:`load_tokenizer`), or a tokenizer, which is returned unchanged.

    Returns
    -------
    Tokenizer or UntrainedTokenizer
        For ``characters`` and ``bpe:SIZE``, the specification of a tokenizer to train.

    Raises
    ------
    UserError
        If ``spec`` is none of these.
    """
    if isinstance(spec, Tokenizer):
        return spec
    if spec == "bytes":
        return ByteTokenizer()
    if spec == "characters":
        return UntrainedTokenizer(spec)
    if spec == "bpe" or spec.startswith("bpe:"):
        size = spec[len("bpe:") :]
        # Python does not parse more than 4,300 digits, and 20 are too many for any vocabulary.
        if not (size.isascii() and size.isdecimal() and len(size) <= 20):
            raise UserError(f"tokenizer={spec!r} needs a vocabulary size, for example bpe:4096")
        check_bpe_size(int(size))
        return UntrainedTokenizer(spec, int(size))
    if not os.path.exists(spec):
        hint = did_you_mean(spec, ("characters", "bytes", "bpe:4096"))
        raise UserError(
            f"tokenizer={spec!r} is not characters, bytes, bpe:SIZE or the path of a "
            f"tokenizer.json{hint}"
        )
    return load_tokenizer(spec)


def learn_tokenizer(
    words: Sequence[str], spec: str, *, progress: ProgressCallback | None = None
) -> Tokenizer:
    """Train a tokenizer on a corpus.

    Parameters
    ----------
    words : sequence of str
        See :func:`scratchgpt.text.find_documents`.
    spec : str
        ``characters`` or ``bpe:SIZE``.
    progress : callable, optional
        Called with (stage, bytes done, total bytes).

    Raises
    ------
    UserError
        If ``spec`` is not a tokenizer that can be trained, or the corpus does not exist, is empty
        or is not UTF-8.
    """
    choice = choose_tokenizer(spec)
    if not isinstance(choice, UntrainedTokenizer):
        raise UserError(f"tokenizer={spec!r} is not trained on text; choose characters or bpe:SIZE")
    documents = find_documents(words, cache_directory())
    return choice.train(CorpusReader(documents, progress or (lambda what, done, total: None)))
