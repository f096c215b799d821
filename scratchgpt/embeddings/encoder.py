"""TextEncoder: texts in, vectors out, with the names of sentence-transformers."""

import hashlib
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array
from scratchgpt.embeddings.encode_rows import OnProgress, encode_rows
from scratchgpt.embeddings.exchange.prompts_file import has_prompts, read_prompts
from scratchgpt.embeddings.exchange.reading import (
    is_sentence_transformer,
    read_sentence_transformer,
)
from scratchgpt.embeddings.exchange.writing import write_sentence_transformer
from scratchgpt.embeddings.prompts import Prompts, role_prompts
from scratchgpt.embeddings.quantized import Int8Vectors, check_precision, quantize
from scratchgpt.embeddings.roles import DOCUMENT, QUERY
from scratchgpt.errors import UserError, counted
from scratchgpt.models import GPTEncoder, load_pretrained
from scratchgpt.models.directory import find_directory
from scratchgpt.ops.unit import unit_forward
from scratchgpt.text import BPETokenizer, Tokenizer, load_tokenizer

_NO_LIMIT = 1 << 62  # tokens

Vectors = Array | Int8Vectors


class TextEncoder:
    """Encodes texts as vectors whose cosine says how close their meanings are.

    With compiled kernels, the vector of a text has the same bits whatever texts it is encoded with
    and on any number of threads. Without kernels, its last bits differ.

    Parameters
    ----------
    model : GPTEncoder
    tokenizer : Tokenizer
        With the start tokens of both roles; see :func:`scratchgpt.embeddings.add_roles`.

    Attributes
    ----------
    dim : int
        Number of channels of a vector.
    max_tokens : int
        Longest text in tokens, with its start and end token. Longer texts are cut, and a warning
        says how many.
    n_truncated : int
        How many texts have been cut so far.
    scale : float
        The factor of cosines in the training of the model, 1 / temperature.

    Examples
    --------
    >>> encoder = TextEncoder.from_pretrained("runs/code")               # doctest: +SKIP
    >>> query = encoder.encode_query("read a config file")               # doctest: +SKIP
    >>> documents = encoder.encode_document([open("a.py").read()])       # doctest: +SKIP
    >>> encoder.similarity(query, documents)                             # doctest: +SKIP
    array([[0.61]], dtype=float32)
    """

    def __init__(
        self, model: GPTEncoder, tokenizer: Tokenizer, prompts: Prompts | None = None
    ) -> None:
        if not isinstance(tokenizer, BPETokenizer):
            raise UserError(
                f"an encoder needs a bpe tokenizer, not {tokenizer.kind}; use the tokenizer.json "
                "that was saved with the model"
            )
        if not model.config.fits_vocabulary(tokenizer.vocab_size):
            raise UserError(
                f"the tokenizer has {counted(tokenizer.vocab_size, 'token')} but the model has "
                f"{model.config.vocab_size}; use the tokenizer.json that was saved with the model"
            )
        self.model = model
        self.tokenizer = tokenizer
        self.prompts = role_prompts(tokenizer) if prompts is None else prompts
        self.n_truncated = 0

    @classmethod
    def from_pretrained(cls, folder: Path | str, *, dtype: Any = np.float32) -> "TextEncoder":
        """Load an encoder from the folder of a run, of a model, or of sentence-transformers.

        Raises
        ------
        UserError
            If there is no model, or it is not an encoder that scratchgpt supports exactly.
        """
        if is_sentence_transformer(Path(folder)):
            return cls(*read_sentence_transformer(Path(folder), dtype=dtype))
        directory = find_directory(Path(folder))
        model = load_pretrained(directory, dtype=dtype)
        if not isinstance(model, GPTEncoder):
            raise UserError(
                f"the model in {folder} {model.config.task}, it does not encode texts; train an "
                "encoder from it with `scratchgpt contrastive --init`"
            )
        tokenizer, prompts = load_tokenizer(directory), None
        if isinstance(tokenizer, BPETokenizer) and has_prompts(directory):
            prompts = read_prompts(directory, tokenizer)
        return cls(model, tokenizer, prompts)

    def save_pretrained(self, folder: Path | str, *, shard_bytes: int | None = None) -> None:
        """Write a folder that sentence-transformers loads, too; it gives the same vectors.

        Biases that the model does not have are written as zeros.

        Parameters
        ----------
        folder : path
        shard_bytes : int, optional
            Maximum size of a file of weights; by default all weights are in one file.

        Raises
        ------
        UserError
            If the model is not of a family of transformers.
        """
        write_sentence_transformer(
            Path(folder), self.model, self.tokenizer, self.prompts, shard_bytes=shard_bytes
        )

    @property
    def dim(self) -> int:
        return self.model.config.n_embd

    @property
    def max_tokens(self) -> int:
        return self.model.config.block_size

    @property
    def scale(self) -> float:
        return self.model.scale

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the weights, the configuration, the tokenizer and the prompts."""
        settings = self.model.config.replace(dropout=0.0), self.prompts
        digest = hashlib.sha256(repr(settings).encode())
        digest.update(self.tokenizer.fingerprint.encode())
        for name, value in self.model.arrays().items():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(value).data)
        return digest.hexdigest()

    def encode(
        self,
        texts: str | Sequence[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncate_dim: int | None = None,
        normalize_embeddings: bool = False,
        precision: str = "float32",
        tokens_per_batch: int = 512,
        on_progress: OnProgress | None = None,
    ) -> Any:
        """Encode texts as unit vectors.

        Parameters
        ----------
        texts : str or sequence of str
        prompt_name : {"query", "document"}, optional
            The role of the texts; by default documents.
        prompt : str, optional
            A text to put before each text, instead of the start token of a role.
        truncate_dim : int, optional
            Keep only the first channels. The result has length 1 only with
            ``normalize_embeddings``; cosines do not depend on it.
        normalize_embeddings : bool
            Divide the vectors by their lengths after they were cut.
        precision : {"float32", "int8", "binary", "ubinary"}
            ``"int8"`` returns :class:`Int8Vectors`, and ``"binary"`` and ``"ubinary"`` one bit per
            channel in int8 and uint8.
        tokens_per_batch : int
            Maximum number of tokens that are encoded at a time; the result does not depend on it.
        on_progress : callable, optional
            Called with the number of texts that are done, and of all texts.

        Returns
        -------
        vectors : array (N, C), or Int8Vectors
            In the order of the texts. For one string, without the first axis.

        Raises
        ------
        UserError
            If an argument is unknown, or the model computes NaN.
        """
        check_precision(precision)
        tokens_per_batch = check_whole("tokens_per_batch", tokens_per_batch, least=1)
        if truncate_dim is not None:
            truncate_dim = check_whole("truncate_dim", truncate_dim, least=1)
            if truncate_dim > self.dim:
                raise UserError(f"truncate_dim={truncate_dim} is more than the {self.dim} channels")
        if isinstance(texts, str):
            vectors = self._encode([texts], prompt_name, prompt, tokens_per_batch, None)[0]
        else:
            texts = list(texts)
            vectors = self._encode(texts, prompt_name, prompt, tokens_per_batch, on_progress)
        if truncate_dim is not None:
            vectors = np.ascontiguousarray(vectors[..., :truncate_dim])
        if normalize_embeddings:
            vectors = unit_forward(vectors)[0]
        return quantize(vectors, precision)

    def encode_query(self, texts: str | Sequence[str], **options: Any) -> Any:
        """Encode texts that search; see :meth:`encode`."""
        return self.encode(texts, **_with_role(QUERY, options))

    def encode_document(self, texts: str | Sequence[str], **options: Any) -> Any:
        """Encode texts that are searched; see :meth:`encode`."""
        return self.encode(texts, **_with_role(DOCUMENT, options))

    def similarity(self, a: Array, b: Array) -> Array:
        """Return the cosine of each vector of a (N, C) with each of b (M, C): (N, M).

        A single vector (C,) counts as one row. The result is in float32 at least: with fewer bits,
        many cosines would be equal.
        """
        rows = [np.atleast_2d(np.asarray(x)) for x in (a, b)]
        units = [unit_forward(x.astype(np.promote_types(x.dtype, np.float32)))[0] for x in rows]
        cosines: Array = units[0] @ units[1].T
        return cosines

    def tokenize(
        self, texts: Sequence[str], *, prompt_name: str | None = None, prompt: str | None = None
    ) -> list[Array]:
        """Return the tokens of texts, with start and end token, as the model reads them."""
        if prompt is None:
            prompt = self.prompts.find(prompt_name)
        elif prompt_name is not None:
            raise UserError("give prompt or prompt_name, not both")
        rows, n_cut = self.prompts.tokenize(self.tokenizer, texts, prompt, self.max_tokens)
        if n_cut and not self.n_truncated:
            warnings.warn(
                f"texts longer than {counted(self.max_tokens, 'token')} are cut, here {n_cut:,} of "
                f"{len(texts):,}; this is said only once",
                stacklevel=2,
            )
        self.n_truncated += n_cut
        return rows

    def count_tokens(self, texts: Sequence[str], *, prompt_name: str = DOCUMENT) -> list[int]:
        """Return how many tokens each text has with those around it, before any text is cut."""
        prompt = self.prompts.find(prompt_name)
        rows, _ = self.prompts.tokenize(self.tokenizer, texts, prompt, _NO_LIMIT)
        return [len(row) for row in rows]

    def _encode(
        self,
        texts: list[str],
        prompt_name: str | None,
        prompt: str | None,
        tokens_per_batch: int,
        on_progress: OnProgress | None,
    ) -> Array:
        for text in texts:
            if not isinstance(text, str):
                raise UserError(f"a text is of type {type(text).__name__}; give strings")
        different = list(dict.fromkeys(texts))
        rows = self.tokenize(different, prompt_name=prompt_name, prompt=prompt)
        lengths = np.array([len(row) for row in rows], np.int64)
        if not lengths.all():
            empty = texts.index(different[int(lengths.argmin())])
            raise UserError(f"text {empty} has no tokens, and the encoder adds none; leave it out")
        vectors = encode_rows(
            self.model, rows, tokens_per_batch=tokens_per_batch, on_progress=on_progress
        )
        place = {text: i for i, text in enumerate(different)}
        return vectors[[place[text] for text in texts]]


def _with_role(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with a name of a prompt, if they do not choose a prompt."""
    is_chosen = any(options.get(option) is not None for option in ("prompt_name", "prompt"))
    return options if is_chosen else {**options, "prompt_name": name}
