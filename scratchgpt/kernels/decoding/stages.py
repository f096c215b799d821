"""The stages of a decoding step: what each one computes, and how it is divided into pieces.

Stages are numbered in the order of computation: 1 + layer * KINDS + kind, then the head.
"""

from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.compiler.team import OVER
from scratchgpt.kernels.decoding.activations import NONE
from scratchgpt.kernels.decoding.form import PRE
from scratchgpt.kernels.decoding.heads import attend, first_seen
from scratchgpt.kernels.decoding.products import (
    ADD,
    FEW,
    Inputs,
    Product,
    head_piece,
    head_pieces,
    linear_piece,
    linear_pieces,
)
from scratchgpt.kernels.decoding.tables import (
    ATTN,
    ATTN_PROJ,
    ATTN_PROJ_SCALE,
    ATTN_SCALE,
    FC,
    FC_PROJ,
    FC_PROJ_SCALE,
    FC_SCALE,
    HEAD,
    HEAD_SCALE,
    matrix,
    vector,
)

ATTENTION_ALONE = 30_000  # maximum elements of q, k and v that one thread computes alone
# The kinds of stages in a block, in order.
QKV, ATTEND, MERGE, EXPAND, REDUCE, KINDS = range(6)


@part
def product_of(stage, w, buffers):
    """Return the product of a stage, which is not attention or the head."""
    layer, kind = (stage - 1) // KINDS, (stage - 1) % KINDS
    x = buffers.x
    normed = buffers.n if w.form.norm_position == PRE else x
    if kind == QKV:
        source, target, mode = normed, buffers.qkv, NONE
        column, scale = ATTN, ATTN_SCALE
    elif kind == MERGE:
        source, target, mode = buffers.merged, x, ADD
        column, scale = ATTN_PROJ, ATTN_PROJ_SCALE
    elif kind == REDUCE:
        source, target, mode = buffers.inner, x, ADD
        column, scale = FC_PROJ, FC_PROJ_SCALE
    else:
        source, column, scale = normed, FC, FC_SCALE
        target = buffers.hidden if w.form.gated else buffers.inner
        mode = NONE if w.form.gated else w.form.activation
    n_in, n_out, o = source.shape[1], target.shape[1], w.offsets[layer]
    weight = matrix(w.matrices, o[column], n_in, n_out)
    scales = vector(w.scales, w.scale_offsets[layer, scale], n_out)
    bias = vector(w.floats, o[column + 1], n_out)
    return Product(source, weight, scales, bias, target, mode)


@part
def inputs_of(buffers):
    return Inputs(buffers.rounded, buffers.units)


@part
def head_of(w, buffers):
    """Return the weights of the head, and their scales."""
    c, n_vocab = buffers.x.shape[1], buffers.logits.shape[1]
    table = w.matrices[w.ends[HEAD] : w.ends[HEAD] + n_vocab * c].reshape(n_vocab, c)
    return table, vector(w.scales, w.end_scales[HEAD_SCALE], n_vocab)


@part
def _n_heads(texts, buffers):
    """Return the number of query heads of all rows."""
    return buffers.merged.size // texts.keys.shape[4]


@part
def attention_pieces(layer, w, texts, buffers):
    """Return the number of pieces of attention."""
    seen = 0
    for position in texts.positions:
        seen += position + 1 - first_seen(position, w.form.windows[layer])
    alone = 3 * seen * buffers.merged.shape[1] <= ATTENTION_ALONE
    return 1 if alone else min(_n_heads(texts, buffers), FEW * texts.owners.size)


@part
def pieces_of(stage, w, texts, buffers):
    """Return the number of pieces of any stage."""
    layer, kind = (stage - 1) // KINDS, (stage - 1) % KINDS
    if stage == 0 or stage == OVER:
        return 0
    if layer == texts.keys.shape[0]:
        return head_pieces(head_of(w, buffers)[0])
    if kind == ATTEND:
        return attention_pieces(layer, w, texts, buffers)
    return linear_pieces(product_of(stage, w, buffers).weights, buffers.x.shape[0])


@part
def work(stage, piece, n_pieces, w, texts, buffers):
    """Compute one piece of a stage."""
    layer, kind = (stage - 1) // KINDS, (stage - 1) % KINDS
    if layer == texts.keys.shape[0]:
        table, scale = head_of(w, buffers)
        cap = w.form.logit_soft_cap
        head_piece(piece, buffers.x, inputs_of(buffers), table, scale, cap, buffers.logits)
    elif kind == ATTEND:
        n = _n_heads(texts, buffers)
        begin, end = n * piece // n_pieces, n * (piece + 1) // n_pieces
        attend(begin, end, layer, w.form, texts, buffers)
    else:
        linear_piece(piece, product_of(stage, w, buffers), inputs_of(buffers), buffers.sums)
