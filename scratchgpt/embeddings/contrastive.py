"""The contrastive objective: big batches of pairs, in the memory of a micro-batch (GradCache)."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.accumulator import collect
from scratchgpt.backend import Array, derive_seed
from scratchgpt.memory import empty, scope, zeros
from scratchgpt.models import GPTEncoder, GPTEncoderSaved
from scratchgpt.models.gpt_encoder import LARGEST_SCALE
from scratchgpt.ops.contrastive import (
    ContrastiveSaved,
    contrastive_backward,
    contrastive_forward,
)
from scratchgpt.ops.unit import UnitSaved, unit_backward, unit_forward
from scratchgpt.text import TokenRows
from scratchgpt.text.micro_batches import micro_batches, pad_rows
from scratchgpt.training import Objective


class ContrastiveBatch(NamedTuple):
    """Pairs of texts as tokens, with the tokens that begin and end a text.

    Attributes
    ----------
    rows : TokenRows
        M queries, then their M documents, then hard negatives.
    keys : int array (number of rows,)
        Equal for equal texts.
    n_pairs : int
        M.
    """

    rows: TokenRows
    keys: Array
    n_pairs: int


class MicroBatch(NamedTuple):
    indices: Array  # of its rows in the batch
    dropout_seed: int | None
    model: GPTEncoderSaved | None  # kept if there is only one micro-batch


class ContrastiveLossSaved(NamedTuple):
    batch: ContrastiveBatch
    micro_batches: list[MicroBatch]
    vectors: Array  # (rows, C)
    dims: list[tuple[int, UnitSaved, ContrastiveSaved]]


class Contrastive(Objective[ContrastiveBatch, ContrastiveLossSaved]):
    """Contrastive training of an encoder: each query finds its document among those of the batch.

    Neelakantan et al. 2022, arXiv:2201.10005, section 2.1. The loss is that of
    :func:`scratchgpt.ops.contrastive_forward` on unit vectors. If the model's configuration has
    ``dims``, it is the mean of the losses of the vectors cut to each of them and of the whole
    vectors (Kusupati et al. 2022, arXiv:2205.13147).

    The loss depends on all texts of the batch together, but only through their vectors. So the
    texts are encoded in micro-batches of which only the vectors are kept. The backward pass
    computes the gradient of the vectors, runs each micro-batch forward again with its own dropout
    seed, and backward with its part of this gradient. The sum over the micro-batches is the
    gradient of the whole batch (GradCache, Gao et al. 2021, arXiv:2101.06983).

    Several workers share the micro-batches of a batch. Each worker encodes its own and receives the
    vectors of all texts, so that a query has the same negatives for any number of workers.

    Parameters
    ----------
    model : GPTEncoder
    tokens_per_batch : int
        Maximum number of positions of a micro-batch.
    recompute : bool
        Save only the inputs of blocks in a micro-batch, and recompute the rest.
    """

    splits = False
    whole_because = "the negatives of a pair are the other pairs of its micro-batch"
    together = True
    unit = "nats"

    model: GPTEncoder

    def __init__(
        self, model: GPTEncoder, *, tokens_per_batch: int = 4096, recompute: bool = False
    ) -> None:
        self.model = model
        self.tokens_per_batch = tokens_per_batch
        self.recompute = recompute

    def weight(self, batch: ContrastiveBatch) -> float:
        return batch.n_pairs

    def n_tokens(self, batch: ContrastiveBatch) -> int:
        return len(batch.rows.tokens)

    def loss(
        self, batch: ContrastiveBatch, *, dropout_seed: int | None = None
    ) -> tuple[Any, ContrastiveLossSaved]:
        model, n = self.model, batch.n_pairs
        log_scale = model.log_scale.value
        vectors = empty((len(batch.rows), model.config.n_embd), like=log_scale)  # (rows, C)
        parts = self._encode(batch, vectors, dropout_seed)
        loss, dims = 0.0, []
        sizes = (model.config.n_embd, *model.config.dims)
        for size in sizes:
            units, unit = unit_forward(vectors[:, :size])
            one_loss, contrastive = contrastive_forward(
                units[:n],
                units[n:],
                log_scale,
                query_keys=batch.keys[:n],
                document_keys=batch.keys[n:],
            )
            loss = loss + one_loss / len(sizes)
            dims.append((size, unit, contrastive))
        return loss, ContrastiveLossSaved(batch, parts, vectors, dims)

    def loss_backward(self, dloss: float, saved: ContrastiveLossSaved) -> None:
        batch, parts, vectors, dims = saved
        dvectors = zeros(vectors.shape, like=vectors)  # (rows, C)
        for size, unit, contrastive in dims:
            dunits = empty((len(vectors), size), like=vectors)
            dqueries, ddocuments, dlog_scale = contrastive_backward(dloss / len(dims), contrastive)
            dunits[: batch.n_pairs], dunits[batch.n_pairs :] = dqueries, ddocuments
            dvectors[:, :size] += unit_backward(dunits, unit)
            if self.workers.rank == 0:  # the gradients of all workers are summed
                collect(self.model.log_scale.accumulator, dlog_scale)
        for part in parts:
            with scope():
                model = part.model
                if model is None:  # the same numbers as in the forward pass
                    model = self._forward(batch, part.indices, part.dropout_seed)[1]
                self.model.backward(dvectors[part.indices], model)

    def measures(self, saved: ContrastiveLossSaved) -> dict[str, float]:
        """Return how many queries find their document first, and the factor of the cosines."""
        _, _, contrastive = saved.dims[0]
        return {"accuracy": float(contrastive.found.mean()), "scale": self.model.scale}

    def updated(self, measures: Mapping[str, float]) -> None:
        """Limit the factor of the cosines to 100 (Radford et al. 2021, arXiv:2103.00020, 2.5)."""
        value = self.model.log_scale.value
        np.minimum(value, math.log(LARGEST_SCALE), out=value)

    def _encode(
        self, batch: ContrastiveBatch, vectors: Array, dropout_seed: int | None
    ) -> list[MicroBatch]:
        """Compute the vectors of all texts; return the micro-batches of this worker."""
        workers = self.workers
        chunks = micro_batches(batch.rows.lengths, self.tokens_per_batch)
        parts = []
        if workers.size > 1:
            vectors[...] = 0
        for i in range(workers.rank, len(chunks), workers.size):
            indices = chunks[i]
            if len(chunks) == 1:
                vectors[indices], model = self._forward(batch, indices, dropout_seed)
                parts.append(MicroBatch(indices, dropout_seed, model))
                break
            seed = None if dropout_seed is None else derive_seed(dropout_seed, "micro-batch", i)
            with scope():
                vectors[indices], _ = self._forward(batch, indices, seed)
            parts.append(MicroBatch(indices, seed, None))
        workers.sum(vectors.reshape(-1))
        return parts

    def _forward(
        self, batch: ContrastiveBatch, indices: Array, dropout_seed: int | None
    ) -> tuple[Array, GPTEncoderSaved]:
        tokens, lengths = pad_rows(batch.rows, indices, self.model.config.block_size)
        return self.model.forward(
            tokens, lengths, dropout_seed=dropout_seed, recompute=self.recompute
        )
