"""Symmetric contrastive loss over the pairs of a batch, with a trained temperature.

Van den Oord et al. 2018, arXiv:1807.03748, eq. 4, in both directions as in Radford et al. 2021,
arXiv:2103.00020, and Neelakantan et al. 2022, arXiv:2201.10005, section 2.1.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.accumulator import Into, collect
from scratchgpt.backend import (
    Array,
    array_module,
    check_arrays,
    check_dloss,
    to_device_of,
    use_kernels,
)
from scratchgpt.memory import empty, empty_like, scope, zeros
from scratchgpt.ops.log_softmax import log_sum_exp
from scratchgpt.ops.observe import observed
from scratchgpt.precision import products_in

BLOCK = 1_000_000  # scores that are computed at a time


class ContrastiveSaved(NamedTuple):
    queries: Array  # (M, C)
    documents: Array  # (N, C)
    scale: Array  # (1,) exp(log_scale)
    query_keys: Array | None  # (M,)
    document_keys: Array | None  # (N,)
    row_lse: Array  # (M,) log sum exp over the documents
    column_lse: Array  # (M,) log sum exp over the queries, for the first M documents
    found: Array  # (M,) bool: whether the own document has the highest score


@observed
def contrastive_forward(
    queries: Array,
    documents: Array,
    log_scale: Array,
    *,
    query_keys: Array | None = None,
    document_keys: Array | None = None,
) -> tuple[Any, ContrastiveSaved]:
    r"""Mean cross-entropy of finding the document of each query, and the query of each document.

    With the scores :math:`z_{ij} = e^{\tau}\, q_i \cdot d_j`:

    .. math::
        L = \frac{1}{2M} \sum_i \left( \log \sum_{j} e^{z_{ij}} - z_{ii} \right)
          + \frac{1}{2M} \sum_j \left( \log \sum_{i} e^{z_{ij}} - z_{jj} \right)

    The first sum over j includes all N documents, the second sum over j the first M. The scores
    are computed in blocks of rows and not kept, so the memory is O((M + N) C).

    Parameters
    ----------
    queries : array (M, C)
        Usually unit vectors, so that dot products are cosines; see
        :func:`scratchgpt.ops.unit_forward`.
    documents : array (N, C)
        Document i belongs to query i. The documents from M on are hard negatives: only the first
        sum includes them.
    log_scale : array (1,)
        :math:`\tau`, the logarithm of the reciprocal temperature.
    query_keys, document_keys : integer arrays (M,), (N,), optional
        Equal keys mark equal texts. If the query of pair i equals that of pair j, or the document
        of pair i equals document j, then document j is not wrong for query i, and the score (i, j)
        is left out of both sums.

    Returns
    -------
    loss : scalar
        In nats.
    saved : ContrastiveSaved

    Raises
    ------
    ValueError
        If the shapes do not match, or there is no query.
    TypeError
        If the dtypes differ, or the keys are not integers.
    """
    _check_inputs(queries, documents, log_scale, query_keys, document_keys)
    n_pairs = len(queries)
    query_keys, document_keys = (
        keys if keys is None else to_device_of(queries, keys)
        for keys in (query_keys, document_keys)
    )
    own, row_lse, column_lse = (empty((n_pairs,), like=queries) for _ in range(3))
    found = empty((n_pairs,), like=queries, dtype=np.bool_)
    saved = ContrastiveSaved(
        queries,
        documents,
        np.exp(log_scale),
        query_keys,
        document_keys,
        row_lse,
        column_lse,
        found,
    )
    for rows in _blocks(n_pairs, len(documents)):
        with scope():
            z = _scores(queries, documents, rows, saved)
            own[rows] = z[_own(rows, z)]
            found[rows] = z.real.max(axis=1) <= own[rows].real
            row_lse[rows] = log_sum_exp(z, axis=1)[:, 0]
    for rows in _blocks(n_pairs, n_pairs):
        with scope():
            z = _scores(documents[:n_pairs], queries, rows, saved)  # a column of scores is a row
            column_lse[rows] = log_sum_exp(z, axis=1)[:, 0]
    return (row_lse + column_lse - 2 * own).sum() / (2 * n_pairs), saved


@observed
def contrastive_backward(
    dloss: Any, saved: ContrastiveSaved, *, dlog_scale_into: Into = None
) -> tuple[Array, Array, Array | None]:
    r"""Gradients of :func:`contrastive_forward`.

    With the softmax :math:`P` over each row of scores and the softmax :math:`R` over each column
    (0 for hard negatives):

    .. math::
        dz_{ij} = \frac{dL}{2M} \left( P_{ij} + R_{ij} - 2\,\delta_{ij} \right)
        \qquad
        dq = e^\tau\, dz\, d \qquad dd = e^\tau\, dz^\top q \qquad
        d\tau = \sum_{ij} dz_{ij} z_{ij}

    The scores are computed again, block by block.

    Parameters
    ----------
    dloss : scalar
    saved : ContrastiveSaved
    dlog_scale_into : array or Accumulator, optional
        The gradient of the log scale is added to this. By default it is a new array.

    Returns
    -------
    dqueries : array (M, C)
    ddocuments : array (N, C)
    dlog_scale : array (1,), or None if it is not wanted
    """
    queries, documents, scale, *_ = saved
    check_dloss("contrastive", dloss, queries.dtype)
    n_pairs = len(queries)
    dqueries = empty(queries.shape, like=queries)
    ddocuments = zeros(documents.shape, like=queries)
    dlog_scale = zeros((1,), like=queries)
    share = dloss / (2 * n_pairs)
    for rows in _blocks(n_pairs, len(documents)):
        with scope():
            z = _scores(queries, documents, rows, saved)
            dz, columns = empty_like(z), empty((len(z), n_pairs), like=z)
            np.subtract(z, saved.row_lse[rows, None], out=dz)
            np.exp(dz, out=dz)  # P
            np.subtract(z[:, :n_pairs], saved.column_lse, out=columns)
            dz[:, :n_pairs] += np.exp(columns, out=columns)  # R
            dz[_own(rows, z)] -= 2
            dz *= share
            z[np.isneginf(z.real)] = 0  # left out: dz is 0 there, but 0 times -inf would be NaN
            z *= dz
            dlog_scale += z.sum()
            dz *= scale
            dqueries[rows] = _product(dz, documents)
            ddocuments += _product(dz.T, queries[rows])
    return dqueries, ddocuments, collect(dlog_scale_into, dlog_scale)


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Divide the rows of a matrix of scores into blocks of at most BLOCK scores."""
    step = max(1, BLOCK // n_columns)
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def _scores(a: Array, b: Array, rows: slice, saved: ContrastiveSaved) -> Array:
    """Compute the scores of some rows of a (M, C) with all of b (N, C); -inf if left out."""
    query_keys, document_keys = saved.query_keys, saved.document_keys
    z = _product(a[rows], b.T)
    z *= saved.scale
    left_out = empty(z.shape, like=z, dtype=np.bool_)
    left_out[...] = False
    if query_keys is not None:
        left_out[:, : len(query_keys)] = query_keys[rows, None] == query_keys
    if document_keys is not None:
        left_out |= document_keys[rows, None] == document_keys[: len(b)]
    left_out[_own(rows, z)] = False
    z[left_out] = -np.inf
    return z


def _own(rows: slice, z: Array) -> tuple[Array, Array]:
    """Return the indices of the scores z_ii in a block of rows z."""
    i = array_module(z).arange(rows.start, rows.stop)
    return i - rows.start, i


def _product(a: Array, b: Array) -> Array:
    """Return a b, never rounded to bfloat16: scores of so few digits would often be equal."""
    product = empty((a.shape[0], b.shape[1]), like=a)
    if use_kernels(a, b):
        from scratchgpt.kernels.gemm import matmul

        with products_in("float32"):
            matmul(a, b, product)
        return product
    np.matmul(a, b, out=product)
    return product


def _check_inputs(
    queries: Array,
    documents: Array,
    log_scale: Array,
    query_keys: Array | None,
    document_keys: Array | None,
) -> None:
    check_arrays("contrastive", queries=queries, documents=documents, log_scale=log_scale)
    if queries.ndim != 2 or documents.ndim != 2 or queries.shape[1] != documents.shape[1]:
        raise ValueError(
            f"contrastive: queries are {queries.shape}, documents {documents.shape}; "
            "use (M, C) and (N, C)"
        )
    if not 1 <= len(queries) <= len(documents):
        raise ValueError(
            f"contrastive: queries are {queries.shape}, documents {documents.shape}; pass at "
            "least one query, and a document for each"
        )
    if log_scale.shape != (1,):
        raise ValueError(f"contrastive: log_scale is {log_scale.shape}; use (1,)")
    for name, keys, n in (
        ("query_keys", query_keys, len(queries)),
        ("document_keys", document_keys, len(documents)),
    ):
        if keys is None:
            continue
        if not hasattr(keys, "dtype") or keys.dtype.kind not in "iu":
            found = getattr(keys, "dtype", type(keys).__name__)
            raise TypeError(f"contrastive: {name} must be an integer array, got {found}")
        if keys.shape != (n,):
            raise ValueError(f"contrastive: {name} are {keys.shape}; use ({n},)")
