"""Batches of pairs for contrastive training."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scratchgpt.arguments import plain
from scratchgpt.backend import Array, random_stream
from scratchgpt.embeddings.contrastive import ContrastiveBatch
from scratchgpt.errors import UserError, counted
from scratchgpt.text import TokenRows
from scratchgpt.text.batches import check_positive, middles


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs as rows of tokens, with the tokens that begin and end a text.

    Attributes
    ----------
    queries : TokenRows
        N queries.
    documents : list of TokenRows
        One or more versions of the N documents, of which training draws one for each pair.
    negatives : TokenRows, optional
        Hard negatives of all pairs, one after another.
    n_negatives : int array (N,), optional
        Number of hard negatives of each pair.
    """

    queries: TokenRows
    documents: Sequence[TokenRows]
    negatives: TokenRows | None = None
    n_negatives: Array | None = None

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def fingerprint(self) -> str:
        """A hash of all tokens."""
        digest = hashlib.sha256()
        for rows in (self.queries, *self.documents, self.negatives):
            if rows is not None:
                digest.update(rows.lengths.astype("<i8").tobytes())
                digest.update(rows.tokens.astype("<u4").tobytes())
        return digest.hexdigest()


class ContrastiveBatches:
    """Batches of a fixed number of pairs, because the loss depends on this number.

    Each epoch has all pairs in a new random order; the pairs that do not fill a batch are left out
    of the epoch. Validation batches have the same number of pairs, if there are so many.

    Parameters
    ----------
    train, val : EncodedPairs
    batch_size : int
        Number of pairs of a batch, M.
    seed : int
    val_batches : int, optional
        Maximum number of validation batches; by default all.
    token_dropout : float
        Fraction of the tokens of each training text that are left out. A text is then different in
        each epoch, so a few thousand pairs teach more.
    mixed_pairs : float
        Fraction of the training pairs of which each token is put into the query or the document at
        random. So words of one text become close, not only those of a query to those of a document.

    Raises
    ------
    UserError
        If there are fewer training pairs than ``batch_size``, or fewer than two pairs in a part.
    """

    def __init__(
        self,
        train: EncodedPairs,
        val: EncodedPairs,
        *,
        batch_size: int,
        seed: int,
        val_batches: int | None = None,
        token_dropout: float = 0.0,
        mixed_pairs: float = 0.0,
    ) -> None:
        check_positive(batch_size=batch_size, val_batches=val_batches)
        for part, pairs in (("training", train), ("validation", val)):
            if len(pairs) < 2:
                raise UserError(
                    f"the {part} part has {counted(len(pairs), 'pair')}; contrastive training "
                    "needs at least 2, and thousands to learn"
                )
        if len(train) < batch_size:
            raise UserError(
                f"batch_size={batch_size} is more than "
                f"{counted(len(train), 'training pair')}; choose at most {len(train)}"
            )
        self.train = train
        self.val = val
        self.batch_size = plain(batch_size)
        self.seed = plain(seed)
        self.val_batches = plain(val_batches)
        self.token_dropout = token_dropout
        self.mixed_pairs = mixed_pairs
        self._epoch: tuple[int, Array] | None = None

    @property
    def batches_per_epoch(self) -> int:
        return len(self.train) // self.batch_size

    def train_batch(self, index: int) -> ContrastiveBatch:
        """The batch of a step, a function of ``index`` and the seed alone."""
        epoch, place = divmod(index, self.batches_per_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            order = random_stream(self.seed, "epoch", epoch).permutation(len(self.train))
            self._epoch = epoch, order
        start = place * self.batch_size
        rows = self._epoch[1][start : start + self.batch_size]
        rng = random_stream(self.seed, "versions", index)
        texts = _texts(self.train, rows, rng.integers(len(self.train.documents), size=len(rows)))
        if self.mixed_pairs:
            _mix(texts, len(rows), self.mixed_pairs, random_stream(self.seed, "mixed", index))
        if self.token_dropout:
            stream = random_stream(self.seed, "tokens", index)
            texts = [_thinned(text, self.token_dropout, stream) for text in texts]
        return _batch(texts, len(rows))

    def validation_batches(self) -> Iterator[ContrastiveBatch]:
        """All whole batches of the validation part, or ``val_batches`` of them."""
        n = min(self.batch_size, len(self.val))
        n_batches = len(self.val) // n
        for i in middles(n_batches, self.val_batches or n_batches):
            rows = np.arange(i * n, (i + 1) * n)
            yield _batch(_texts(self.val, rows, np.zeros(n, int)), n)


def _texts(pairs: EncodedPairs, rows: Array, versions: Array) -> list[Array]:
    """Return the queries of some pairs, then their documents, then their hard negatives."""
    texts = [pairs.queries[row] for row in rows]
    texts += [pairs.documents[v][row] for row, v in zip(rows, versions, strict=True)]
    if pairs.negatives is not None and pairs.n_negatives is not None:
        starts = np.cumsum(pairs.n_negatives) - pairs.n_negatives
        for row in rows:
            some = range(starts[row], starts[row] + pairs.n_negatives[row])
            texts += [pairs.negatives[i] for i in some]
    return texts


def _mix(texts: list[Array], n_pairs: int, fraction: float, rng: np.random.Generator) -> None:
    """Divide the tokens of some pairs between query and document at random, in their order."""
    for i in np.flatnonzero(rng.random(n_pairs) < fraction):
        query, document = texts[i], texts[n_pairs + i]
        inner = np.concatenate([query[1:-1], document[1:-1]])
        in_query = rng.random(len(inner)) < 0.5
        most = max(len(query), len(document)) - 2
        texts[i], texts[n_pairs + i] = (
            np.concatenate([whole[:1], inner[chosen][:most], whole[-1:]])
            for whole, chosen in ((query, in_query), (document, ~in_query))
        )


def _thinned(text: Array, fraction: float, rng: np.random.Generator) -> Array:
    """Leave out a fraction of the tokens between the first and the last, which are special."""
    keep = rng.random(len(text)) >= fraction
    keep[[0, -1]] = True
    return text[keep]


def _batch(texts: list[Array], n_pairs: int) -> ContrastiveBatch:
    lengths = np.array([len(text) for text in texts], np.int64)
    keys = np.array([_key(text) for text in texts], np.int64)
    return ContrastiveBatch(TokenRows(np.concatenate(texts), lengths), keys, n_pairs)


def _key(tokens: Array) -> int:
    """Hash the tokens of a text, so that equal texts are found by equal numbers."""
    digest = hashlib.blake2b(tokens.astype("<i8").tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
