"""The vectors of an index: one for each text, found by the checksum of the text."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.embeddings.index.arrays import read_arrays, save_arrays
from scratchgpt.errors import UserError
from scratchgpt.models.tensor_file import TensorFile

VECTORS_FILE = "vectors.safetensors"
_BATCH = 256  # texts per call of the encoder
_FIRST_SAVE = 1024  # new vectors; later ones wait until a quarter is new, so writing stays cheap
_MAX_UNUSED = 0.5  # of all vectors; those of another branch of git are used again


class Encoder(Protocol):
    """What an index needs of a :class:`scratchgpt.embeddings.encoder.TextEncoder`."""

    @property
    def dim(self) -> int:
        """The length of a vector."""

    @property
    def max_tokens(self) -> int:
        """The number of tokens of the longest text that is not truncated."""

    @property
    def fingerprint(self) -> str:
        """A string that changes with the model, its tokenizer or its options."""

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Count the tokens of texts, as ``max_tokens`` counts them."""

    def encode_query(self, texts: list[str]) -> Array:
        """Embed queries: (N, dim) with rows of length 1."""

    def encode_document(self, texts: list[str]) -> Array:
        """Embed documents, likewise."""


class Vectors:
    """Unit vectors in float32 with the key of each, all from one model.

    Parameters
    ----------
    fingerprint : str
        That of the encoder.
    model : str
        Where the encoder comes from, for people and for later searches.
    dim : int
    """

    def __init__(self, fingerprint: str, model: str, dim: int) -> None:
        self.fingerprint, self.model, self.dim = fingerprint, model, dim
        self.numbers: dict[bytes, int] = {}
        self._parts: list[Array] = [np.empty((0, dim), np.float32)]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def rows(self) -> Array:
        """All vectors, (M, dim)."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0]

    def add(self, keys: Sequence[bytes], rows: Array) -> None:
        """Add the vectors of new keys."""
        self.numbers.update(zip(keys, range(len(self), len(self) + len(keys)), strict=True))
        self._parts.append(rows)

    def without_unused(self, used: Collection[bytes]) -> "Vectors":
        """Return the vectors that are used, if most are not; otherwise these."""
        kept = [key for key in self.numbers if key in used]
        if len(kept) >= (1 - _MAX_UNUSED) * len(self):
            return self
        vectors = Vectors(self.fingerprint, self.model, self.dim)
        vectors.add(kept, self.rows[[self.numbers[key] for key in kept]])
        return vectors

    def save(self, path: Path) -> None:
        """Write the vectors atomically.

        Raises
        ------
        UserError
            If the file cannot be written.
        """
        keys = np.frombuffer(b"".join(self.numbers), np.uint8).reshape(-1, 32)
        metadata = {"fingerprint": self.fingerprint, "model": self.model}
        save_arrays(path, {"keys": keys, "vectors": self.rows}, metadata)

    @classmethod
    def read(cls, path: Path) -> "Vectors":
        """Read what :meth:`save` wrote.

        Raises
        ------
        UserError
            If the file is missing or damaged.
        """
        arrays, metadata = read_arrays(path)
        rows, content = arrays["vectors"], arrays["keys"].tobytes()
        vectors = cls(metadata["fingerprint"], metadata["model"], rows.shape[1])
        vectors.add([content[i : i + 32] for i in range(0, len(content), 32)], rows)
        return vectors


def embed_texts(
    vectors: Vectors,
    texts: Mapping[bytes, str],
    encoder: Encoder,
    save: Callable[[], None],
    report: Callable[[str, int, int], None],
) -> None:
    """Embed texts by their keys, and save at intervals and at the end, also after Ctrl-C.

    Raises
    ------
    UserError
        If the model computes NaN or infinity.
    """
    # Texts of similar length need the least padding.
    keys = sorted(texts, key=lambda key: len(texts[key]))
    done, total = 0, sum(map(len, texts.values()))
    n_saved = len(vectors)
    try:
        for i in range(0, len(keys), _BATCH):
            batch = keys[i : i + _BATCH]
            rows = np.asarray(encoder.encode_document([texts[key] for key in batch]), np.float32)
            if not np.isfinite(rows).all():
                raise UserError("the model computes NaN or infinity for some texts; train it again")
            vectors.add(batch, rows)
            done += sum(len(texts[key]) for key in batch)
            if len(keys) > _BATCH:
                report("embedding", done, total)
            if len(vectors) - n_saved >= max(_FIRST_SAVE, n_saved // 4):
                save()
                n_saved = len(vectors)
    finally:
        if len(vectors) > n_saved:
            save()


def recorded_model(folder: Path) -> str:
    """Return where the model of the vectors in an index came from; empty if it is unknown."""
    path = folder / VECTORS_FILE
    if not path.exists():
        return ""
    try:
        return str(TensorFile(path).metadata.get("model", ""))
    except UserError:
        return ""  # opening the index says that it is damaged
