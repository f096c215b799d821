"""Symmetric contrastive loss over the pairs of a batch, with a trained temperature.

Van den Oord et al. 2018, arXiv:1807.03748, eq. 4, in both directions as in Radford et al. 2021,
arXiv:2103.00020, and Neelakantan et al. 2022, arXiv:2201.10005, section 2.1.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.accumulator import Into, collect
from scratchgpt.backend import Array, check_arrays, check_upstream, use_kernels
from scratchgpt.memory import empty, scope, zeros
from scratchgpt.ops.observe import observed

BLOCK = 1 << 20  # scores that are computed at a time


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
        L = \frac{1}{2M} \sum_i \Big( \log \sum_{j} e^{z_{ij}} - z_{ii} \Big)
          + \frac{1}{2M} \sum_j \Big( \log \sum_{i} e^{z_{ij}} - z_{jj} \Big)

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
        If the shapes do not match.
    TypeError
        If the dtypes differ.
    """
    check_arrays("contrastive", queries=queries, documents=documents, log_scale=log_scale)
    _check_shapes(queries, documents, log_scale, query_keys, document_keys)
    n_pairs = len(queries)
    row_lse, column_lse = (empty((n_pairs,), like=queries) for _ in range(2))
    found = np.empty(n_pairs, bool)
    scale = np.exp(log_scale)
    saved = ContrastiveSaved(
        queries, documents, scale, query_keys, document_keys, row_lse, column_lse, found
    )
    own = scale * np.einsum("mc,mc->m", queries, documents[:n_pairs])  # (M,) z_ii
    for rows, z in _score_blocks(queries, documents, saved):
        found[rows] = z.real.max(axis=1) <= z.real[_own_scores(rows)]
        row_lse[rows] = _log_sum_exp(z)
    for rows, z in _score_blocks(documents[:n_pairs], queries, saved):
        column_lse[rows] = _log_sum_exp(z)
    loss = (row_lse.sum() + column_lse.sum() - 2 * own.sum()) / (2 * n_pairs)
    return loss, saved


@observed
def contrastive_backward(
    dloss: float, saved: ContrastiveSaved, *, dlog_scale_into: Into = None
) -> tuple[Array, Array, Array | None]:
    r"""Gradients of :func:`contrastive_forward`.

    With the softmax :math:`P` over each row of scores and the softmax :math:`C` over each column
    (0 for hard negatives):

    .. math::
        dz_{ij} = \frac{dL}{2M} \left( P_{ij} + C_{ij} - 2\,\delta_{ij} \right)
        \qquad
        dq = e^\tau\, dz\, d \qquad dd = e^\tau\, dz^\top q \qquad
        d\tau = \sum_{ij} dz_{ij} z_{ij}

    The scores are computed again, block by block.

    Parameters
    ----------
    dloss : float
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
    n_pairs = len(queries)
    dqueries = empty(queries.shape, like=queries)
    ddocuments = zeros(documents.shape, like=queries)
    dlog_scale = zeros((1,), like=queries)
    share = dloss / (2 * n_pairs)
    for rows, z in _score_blocks(queries, documents, saved):
        dz = np.exp(z - saved.row_lse[rows, None])  # P
        dz[:, :n_pairs] += np.exp(z[:, :n_pairs] - saved.column_lse)  # C
        dz[_own_scores(rows)] -= 2
        dz *= share
        z[np.isneginf(z.real)] = 0  # left out; dz is 0 there
        dlog_scale += (dz * z).sum()
        dz *= scale
        dqueries[rows] = _product(dz, documents)
        ddocuments += _product(dz.T, queries[rows])
    return dqueries, ddocuments, collect(dlog_scale_into, dlog_scale)


def _score_blocks(a: Array, b: Array, saved: ContrastiveSaved) -> Iterator[tuple[slice, Array]]:
    """Yield blocks of rows of a (M, C), and their scores (rows, N) with all of b (N, C).

    Scores that are left out are -inf. The arena releases the scores when the next are computed.
    """
    n_pairs, n_rows = len(a), max(1, BLOCK // len(b))
    query_keys, document_keys = saved.query_keys, saved.document_keys
    for start in range(0, n_pairs, n_rows):
        rows = slice(start, min(start + n_rows, n_pairs))
        with scope():
            z = _product(a[rows], b.T)
            z *= saved.scale
            left_out = np.zeros(z.shape, bool)
            if query_keys is not None:
                left_out[:, :n_pairs] |= query_keys[rows, None] == query_keys
            if document_keys is not None:
                left_out |= document_keys[rows, None] == document_keys[: len(b)]
            left_out[_own_scores(rows)] = False
            z[left_out] = -np.inf
            yield rows, z


def _own_scores(rows: slice) -> tuple[Array, Array]:
    """Return the indices of the scores z_ii in a block of rows."""
    i = np.arange(rows.start, rows.stop)
    return i - rows.start, i


def _log_sum_exp(z: Array) -> Array:
    """Return log sum exp of each row (n, N) -> (n,)."""
    top = z.real.max(axis=1)
    return np.log(np.exp(z - top[:, None]).sum(axis=1)) + top


def _product(a: Array, b: Array) -> Array:
    """Return a b, in the precision of the arrays: scores in fewer bits would have many ties."""
    product = empty((a.shape[0], b.shape[1]), like=a)
    if use_kernels(a, b) and a.size and b.size:
        from scratchgpt.kernels.gemm import matmul

        matmul(a, b, product)
    else:
        np.matmul(a, b, out=product)
    return product


def _check_shapes(
    queries: Array,
    documents: Array,
    log_scale: Array,
    query_keys: Array | None,
    document_keys: Array | None,
) -> None:
    if queries.ndim != 2 or documents.ndim != 2 or queries.shape[1] != documents.shape[1]:
        raise ValueError(
            f"contrastive: queries are {queries.shape} and documents {documents.shape}; "
            "use (M, C) and (N, C)"
        )
    if not 1 <= len(queries) <= len(documents):
        raise ValueError(
            f"contrastive: {len(queries)} queries and {len(documents)} documents; every query "
            "needs its document"
        )
    check_upstream("contrastive: log_scale", log_scale, (1,))
    for name, keys, n in (
        ("query_keys", query_keys, len(queries)),
        ("document_keys", document_keys, len(documents)),
    ):
        if keys is not None and keys.shape != (n,):
            raise ValueError(f"contrastive: {name} are {keys.shape}; use ({n},)")
