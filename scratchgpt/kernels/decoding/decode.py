"""Decoding step of a whole GPT: one compiled call for a few tokens.

Generation reads every weight once per token, so memory bandwidth limits its speed. A matrix-vector
product reads the matrix sequentially, in its memory order. The weights are slices of flat arrays,
in float32, or in int8 with a scale for each output. All threads work as one team from the first
layer to the last (:mod:`scratchgpt.kernels.compiler.team`).

A row is one token, usually the next token of its text. Several rows of one text are a prompt: their
keys and values are all stored before any of them attends, so each row attends to those before it.
"""

from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.compiler.team import (
    OVER,
    close,
    join,
    look,
    n_done,
    new_team,
    open_stage,
    report,
    take,
    wait,
)
from scratchgpt.kernels.compiler.threads import n_threads
from scratchgpt.kernels.decoding.decode_rows import attend_head, normalize, store_keys
from scratchgpt.kernels.decoding.products import (
    ADD,
    FEW,
    STORE,
    Inputs,
    Product,
    finish_linear,
    head_piece,
    head_pieces,
    linear_piece,
    linear_pieces,
    round_for,
)
from scratchgpt.kernels.decoding.tables import (
    ATTN_PROJ_SCALE,
    ATTN_PROJ_WEIGHT,
    ATTN_SCALE,
    ATTN_WEIGHT,
    FC_PROJ_SCALE,
    FC_PROJ_WEIGHT,
    FC_SCALE,
    FC_WEIGHT,
    HEAD,
    HEAD_SCALE,
    LN_1_BIAS,
    LN_1_WEIGHT,
    LN_2_BIAS,
    LN_2_WEIGHT,
    LN_F_BIAS,
    LN_F_WEIGHT,
    POST,
    PRE,
    WPE,
    WPE_SCALE,
    WTE,
    WTE_SCALE,
    Buffers,
    Texts,
    Weights,
)
from scratchgpt.kernels.parts.fast_math import ONE, F

ATTENTION_ALONE = 30_000  # maximum elements of q, k and v that one thread computes alone
# The kinds of parallel stages in a block, in order. The stage number in the team is
# 1 + layer * KINDS + kind; the head comes after the last block.
QKV, ATTEND, PROJ, FC, FC_PROJ, KINDS = range(6)


@part
def _vector(flat, offset, n):
    """Return the parameter at ``offset``; it has no elements if the model has no such parameter."""
    return flat[offset : offset + n] if offset >= 0 and flat.size else flat[:0]


@part
def _matrix(flat, offset, n_in, n_out):
    """Return a weight: (n_in, n_out) in float32, or (n_out, n_in) in int8."""
    matrix = flat[offset : offset + n_in * n_out]
    return matrix.reshape(n_out, n_in) if flat.itemsize == 1 else matrix.reshape(n_in, n_out)


@part
def _product(kind, layer, w, buffers):
    """Return one of the products of a block."""
    x, inner = buffers.x, buffers.inner
    c, f = x.shape[1], inner.shape[1]
    normed = buffers.n if w.position == PRE else x
    if kind == QKV:
        source, target, mode = normed, buffers.qkv, STORE
        column, scale = ATTN_WEIGHT, ATTN_SCALE
        n_in, n_out = c, 3 * c
    elif kind == PROJ:
        source, target, mode = buffers.merged, x, ADD
        column, scale = ATTN_PROJ_WEIGHT, ATTN_PROJ_SCALE
        n_in, n_out = c, c
    elif kind == FC:
        source, target, mode = normed, inner, w.activation
        column, scale = FC_WEIGHT, FC_SCALE
        n_in, n_out = c, f
    else:
        source, target, mode = inner, x, ADD
        column, scale = FC_PROJ_WEIGHT, FC_PROJ_SCALE
        n_in, n_out = f, c
    o = w.offsets[layer]
    weight = _matrix(w.matrices, o[column], n_in, n_out)
    scales = _vector(w.scales, w.scale_offsets[layer, scale], n_out)
    bias = _vector(w.floats, o[column + 1], n_out)
    return Product(source, weight, scales, bias, target, mode)


@part
def _inputs(buffers):
    return Inputs(buffers.rounded, buffers.units)


@part
def _head(w, buffers):
    """Return the weights of the head, and their scales."""
    c, n_vocab = buffers.x.shape[1], buffers.logits.shape[1]
    table = w.matrices[w.ends[HEAD] : w.ends[HEAD] + n_vocab * c].reshape(n_vocab, c)
    return table, _vector(w.scales, w.end_scales[HEAD_SCALE], n_vocab)


@part
def _pieces(stage, w, texts, buffers):
    """Return the number of pieces of a stage."""
    layer, kind = (stage - 1) // KINDS, (stage - 1) % KINDS
    if stage == 0 or stage == OVER:
        return 0
    if layer == texts.keys.shape[0]:
        return head_pieces(_head(w, buffers)[0])
    if kind != ATTEND:
        return linear_pieces(_product(kind, layer, w, buffers).weights, buffers.x.shape[0])
    seen = 0
    for r in range(texts.positions.size):
        seen += texts.positions[r] + 1
    alone = seen * buffers.qkv.shape[1] <= ATTENTION_ALONE
    most = texts.keys.shape[1] * texts.keys.shape[2]
    return 1 if alone else min(most, FEW * texts.owners.size)


@part
def _work(stage, piece, n_pieces, w, texts, buffers):
    """Compute one piece of a stage."""
    layer, kind = (stage - 1) // KINDS, (stage - 1) % KINDS
    if layer == texts.keys.shape[0]:
        table, scale = _head(w, buffers)
        head_piece(piece, buffers.x, _inputs(buffers), table, scale, buffers.logits)
    elif kind == ATTEND:
        keys, values = texts.keys[layer], texts.values[layer]
        n_heads = keys.shape[0] * keys.shape[1]
        scale = w.attention_scales[layer]
        for i in range(n_heads * piece // n_pieces, n_heads * (piece + 1) // n_pieces):
            attend_head(i, keys, values, scale, texts, buffers)
    else:
        product = _product(kind, layer, w, buffers)
        linear_piece(piece, product, _inputs(buffers), buffers.sums)


@part
def _together(team, done, stage, w, texts, buffers):
    """Run a stage as the leader; return the number of pieces done, over all stages."""
    layer, kind = (stage - 1) // KINDS, (stage - 1) % KINDS
    if layer == texts.keys.shape[0]:
        round_for(w.matrices, buffers.x, _inputs(buffers))
    elif kind != ATTEND:
        round_for(w.matrices, _product(kind, layer, w, buffers).x, _inputs(buffers))
    n_pieces = _pieces(stage, w, texts, buffers)
    if n_pieces == 1:
        _work(stage, 0, 1, w, texts, buffers)
    else:
        open_stage(team, stage)
        _, piece = take(team)
        while piece < n_pieces:
            _work(stage, piece, n_pieces, w, texts, buffers)
            report(team)
            _, piece = take(team)
        done += n_pieces
        n_polls = 0
        while n_done(team) < done:
            n_polls = wait(team, n_polls)
    if layer < texts.keys.shape[0] and kind != ATTEND:
        finish_linear(_product(kind, layer, w, buffers), buffers.sums)
    return done


@part
def _follow(team, w, texts, buffers):
    """Take pieces of the open stages, until no stages follow."""
    n_polls = 0
    while True:
        stage, piece = look(team)
        if stage == OVER:
            return
        if piece < _pieces(stage, w, texts, buffers):
            stage, piece = take(team)
            n_pieces = _pieces(stage, w, texts, buffers)
            if piece < n_pieces:
                _work(stage, piece, n_pieces, w, texts, buffers)
                report(team)
                n_polls = 0
        n_polls = wait(team, n_polls)


@part
def _embed(w, texts, x):
    c = x.shape[1]
    for r in range(x.shape[0]):
        token, at, row = texts.tokens[r], texts.positions[r], x[r]
        first = w.matrices[w.ends[WTE] + token * c : w.ends[WTE] + (token + 1) * c]
        second = w.matrices[w.ends[WPE] + at * c : w.ends[WPE] + (at + 1) * c]
        s1 = w.scales[w.end_scales[WTE_SCALE] + token] if w.scales.size else ONE
        s2 = w.scales[w.end_scales[WPE_SCALE] + at] if w.scales.size else ONE
        for j in range(c):
            row[j] = F(first[j]) * s1 + F(second[j]) * s2


@part
def _lead(team, w, texts, buffers):
    """Run the whole model: short stages alone, and long stages with the team."""
    x, n, c = buffers.x, buffers.n, buffers.x.shape[1]
    n_layer, n_logits, done = texts.keys.shape[0], buffers.logits.shape[0], 0
    _embed(w, texts, x)
    for layer in range(n_layer):
        o = w.offsets[layer]
        ln_1, ln_1_bias = _vector(w.floats, o[LN_1_WEIGHT], c), _vector(w.floats, o[LN_1_BIAS], c)
        ln_2, ln_2_bias = _vector(w.floats, o[LN_2_WEIGHT], c), _vector(w.floats, o[LN_2_BIAS], c)
        first = 1 + layer * KINDS
        if w.position == PRE:
            normalize(x, ln_1, ln_1_bias, w.eps, n)
        done = _together(team, done, first + QKV, w, texts, buffers)
        if layer == n_layer - 1 and n_logits == 0:
            keys, values = texts.keys[layer], texts.values[layer]
            store_keys(buffers.qkv, keys, values, texts)
            return
        for kind in (ATTEND, PROJ):
            done = _together(team, done, first + kind, w, texts, buffers)
        if w.position == PRE:
            normalize(x, ln_2, ln_2_bias, w.eps, n)
        else:
            normalize(x, ln_1, ln_1_bias, w.eps, x)
        for kind in (FC, FC_PROJ):
            done = _together(team, done, first + kind, w, texts, buffers)
        if w.position == POST:
            normalize(x, ln_2, ln_2_bias, w.eps, x)
    if w.position == PRE:
        weight = _vector(w.floats, w.ends[LN_F_WEIGHT], c)
        bias = _vector(w.floats, w.ends[LN_F_BIAS], c)
        normalize(x, weight, bias, w.eps, x)
    _together(team, done, 1 + n_layer * KINDS, w, texts, buffers)


@kernel
def _tokens(_, team, w, texts, buffers):
    if join(team):
        _lead(team, w, texts, buffers)
        close(team)
    else:
        _follow(team, w, texts, buffers)


def decode_tokens(weights: Weights, texts: Texts, buffers: Buffers) -> None:
    """Write the keys and values of each row, and the logits of its next token."""
    _tokens(n_threads(), new_team(), weights, texts, buffers)
