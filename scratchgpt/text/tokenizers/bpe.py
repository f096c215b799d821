"""Byte-level byte-pair encoding, trained and applied by the ``tokenizers`` library.

Sennrich, Haddow and Birch 2015, arXiv:1508.07909; on bytes as in Radford et al. 2019, section 2.2.
"""

import contextlib
import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.special_ids import SpecialIds, write_end_name
from scratchgpt.text.tokenizers.byte_level import CHARACTER_TO_BYTE
from scratchgpt.text.tokenizers.cuts import safe_cuts, steps_of
from scratchgpt.text.tokenizers.tokenizer import (
    END_OF_TEXT,
    PADDING,
    Tokenizer,
    special_token,
    template,
    to_utf8,
)

SMALLEST = 257  # the 256 bytes and the end of text
LARGEST = 1 << 24  # the tokenizers library reserves memory for all tokens before it trains
# Ids may have gaps, but there is a table of all ids: the largest is below GAPS times the number of
# tokens, or below FREE_IDS.
GAPS, FREE_IDS = 2, 1 << 16


class BPETokenizer(Tokenizer):
    """Byte-level BPE, with ``<|endoftext|>`` and ``<|padding|>`` if they are in the vocabulary.

    Parameters
    ----------
    content : dict
        The content of a ``tokenizer.json``, for example that of GPT-2.

    Raises
    ------
    UserError
        If the ``tokenizers`` library cannot read the content.
    """

    kind = "bpe"

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = _without_dropout(content)
        self._backend = self._read_content()
        self._backend.encode_special_tokens = True  # read them as ordinary text, see Tokenizer
        self.vocab_size = _number_of_ids(self._backend.get_vocab())
        self.end_of_text = self._backend.token_to_id(END_OF_TEXT)
        self.padding = self._backend.token_to_id(PADDING)
        self.cuts = safe_cuts(self._content)

    def end_documents_with(self, ids: SpecialIds) -> None:
        """Use the end of a text that the files of a folder name, not ``<|endoftext|>``."""
        if ids.ends and (ids.named in ids.ends or self.end_of_text not in ids.ends):
            self.end_of_text = ids.document_end
            self.__dict__.pop("fingerprint", None)

    @property
    def _has_other_end(self) -> bool:
        return self.end_of_text != self._backend.token_to_id(END_OF_TEXT)

    @cached_property
    def fingerprint(self) -> str:
        content = super().fingerprint
        if self._has_other_end:  # the tokens of a corpus depend on it, too
            content = hashlib.sha256(f"{content} {self.end_of_text}".encode()).hexdigest()
        return content

    def save(self, path: Path | str) -> None:
        """Write ``tokenizer.json``; the name of the end goes to ``tokenizer_config.json``."""
        super().save(path)
        if self._has_other_end:
            write_end_name(Path(path).parent, self._backend.id_to_token(self.end_of_text))

    def _read_content(self) -> Any:
        from tokenizers import Tokenizer as Backend

        if prefix := self._content["model"].get("continuing_subword_prefix"):
            raise UserError(
                f"scratchgpt does not follow its setting continuing_subword_prefix={prefix!r}"
            )
        try:
            backend = Backend.from_str(json.dumps(self._content))
        except Exception as error:  # the library raises no more specific exception
            raise UserError(f"not a tokenizer: {error}") from error
        backend.no_truncation()
        backend.no_padding()
        return backend

    def with_special_tokens(self, names: Sequence[str]) -> "BPETokenizer":
        """Return a tokenizer with more special tokens; their ids follow the others.

        A name that the tokenizer has already keeps its id.
        """
        known = self._backend.get_vocab()
        new = [name for name in names if name not in known]
        added = [special_token(self.vocab_size + i, name) for i, name in enumerate(new)]
        other = type(self)(
            {**self._content, "added_tokens": [*self._content.get("added_tokens", ()), *added]}
        )
        other.end_of_text = self.end_of_text
        return other

    def special_token(self, name: str) -> int | None:
        """Return the id of a special token, or None if there is no such token."""
        added = self._backend.get_added_tokens_decoder()
        return next((token for token, one in added.items() if one.content == name), None)

    @cached_property
    def around(self) -> tuple[list[int], list[int]]:
        """The tokens that other programs put before and after a text, as the file says."""
        encoding = self._marked_backend.encode("a")
        own = [i for i, is_added in enumerate(encoding.special_tokens_mask) if not is_added]
        if not own:
            raise UserError("the tokenizer has no token for the letter a")
        return encoding.ids[: own[0]], encoding.ids[own[-1] + 1 :]

    def with_around(self, before: Sequence[int], after: Sequence[int]) -> "BPETokenizer":
        """Return a tokenizer whose file tells other programs to put tokens around a text."""
        named = [
            [(token, self._backend.id_to_token(token)) for token in some]
            for some in (before, after)
        ]
        other = BPETokenizer({**self._content, "post_processor": template(*named)})
        other.end_of_text = self.end_of_text
        return other

    def split_prompt(self, prompt: str) -> tuple[list[int], str]:
        """Split a prompt after its last special token: the tokens up to there, and the rest."""
        to_utf8(prompt)
        encoding = self._marked_backend.encode(prompt, add_special_tokens=False)
        added = self._marked_backend.get_added_tokens_decoder()
        special = [i for i, token in enumerate(encoding.ids) if token in added]
        if not special:
            return [], prompt
        return encoding.ids[: special[-1] + 1], prompt[encoding.offsets[special[-1]][1] :]

    def encode(self, text: str) -> Array:
        return self.encode_all([text])[0]

    def encode_marked(self, text: str) -> Array:
        to_utf8(text)
        with _errors_of_library():
            return np.array(self._marked_backend.encode(text).ids, np.int64)

    @cached_property
    def _marked_backend(self) -> Any:
        """A second backend that reads names of special tokens as tokens; the mode is its state."""
        return self._read_content()

    def encode_all(self, texts: Sequence[str]) -> list[Array]:
        for text in texts:
            to_utf8(text)
        # The fast variant does not compute offsets, which are not needed.
        with _errors_of_library():
            encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(encoding.ids, np.int64) for encoding in encodings]

    def to_json(self) -> dict[str, Any]:
        return self._content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "BPETokenizer | None":
        """Create the tokenizer if ``content`` describes byte-level BPE, else return None."""
        # Old files, such as that of GPT-2, do not specify the type of the model.
        is_bpe = content["model"].get("type", "BPE") == "BPE" and "merges" in content["model"]
        decoders = [step["type"] for step in steps_of(content["decoder"])]
        return cls(content) if is_bpe and decoders == ["ByteLevel"] else None

    def _all_token_bytes(self) -> list[bytes]:
        added = self._backend.get_added_tokens_decoder()
        return [
            self._bytes_of_added(added[token]) if token in added else self._bytes_of(token)
            for token in range(self.vocab_size)
        ]

    def _bytes_of(self, token: int) -> bytes:
        spelling = self._backend.id_to_token(token) or ""  # ids may have gaps
        try:
            return bytes([CHARACTER_TO_BYTE[character] for character in spelling])
        except KeyError:  # not spelled in the characters of bytes: the token is its spelling
            return spelling.encode()

    @staticmethod
    def _bytes_of_added(token: Any) -> bytes:
        return b"" if token.special else token.content.encode()


@contextlib.contextmanager
def _errors_of_library() -> Iterator[None]:
    """Raise UserError for a text that the tokenizer cannot encode, such as an unknown character."""
    try:
        yield
    except Exception as error:  # the library raises no more specific exception
        raise UserError(f"the tokenizer cannot encode the text: {error}") from error


def _number_of_ids(vocab: dict[str, int]) -> int:
    """Check that tokens have different ids, and return the largest id plus one."""
    names: dict[int, str] = {}
    for name, token in vocab.items():
        if token in names:
            raise UserError(f"{names[token]!r} and {name!r} have the same id {token}")
        names[token] = name
    largest = max(names, default=-1)
    limit = max(GAPS * len(names), FREE_IDS)
    if largest >= limit:
        raise UserError(
            f"{names[largest]!r} has id {largest}, but there are only "
            f"{counted(len(names), 'token')}; their ids must be below {limit:,}"
        )
    return largest + 1


def _without_dropout(content: dict[str, Any]) -> dict[str, Any]:
    """Switch off BPE dropout, with a warning: it is for training, and makes encoding random."""
    if not content["model"].get("dropout"):
        return content
    warnings.warn(
        f"the tokenizer has dropout={content['model']['dropout']}, which splits a text in another "
        "way each time; it is switched off",
        stacklevel=4,
    )
    return {**content, "model": {**content["model"], "dropout": None}}


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
