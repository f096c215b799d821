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
from scratchgpt.kernels.decoding.activations import gate
from scratchgpt.kernels.decoding.buffers import Buffers, Texts
from scratchgpt.kernels.decoding.form import LAYER, POST, PRE
from scratchgpt.kernels.decoding.heads import place_heads
from scratchgpt.kernels.decoding.norms import normalize
from scratchgpt.kernels.decoding.products import (
    finish_linear,
    head_pieces,
    linear_pieces,
    round_for,
)
from scratchgpt.kernels.decoding.stages import (
    ATTEND,
    EXPAND,
    KINDS,
    MERGE,
    QKV,
    REDUCE,
    attention_pieces,
    head_of,
    inputs_of,
    pieces_of,
    product_of,
    work,
)
from scratchgpt.kernels.decoding.tables import (
    LN_1,
    LN_2,
    LN_F,
    LN_WTE,
    WPE,
    WPE_SCALE,
    WTE,
    WTE_SCALE,
    Weights,
    vector,
)
from scratchgpt.kernels.parts.fast_math import ONE, F


@part
def _together(team, done, stage, n_pieces, w, texts, buffers):
    """Run the pieces of a stage as the leader; return the number of pieces done so far."""
    if n_pieces == 1:
        work(stage, 0, 1, w, texts, buffers)
        return done
    open_stage(team, stage)
    _, piece = take(team)
    while piece < n_pieces:
        work(stage, piece, n_pieces, w, texts, buffers)
        report(team)
        _, piece = take(team)
    done += n_pieces
    n_polls = 0
    while n_done(team) < done:
        n_polls = wait(team, n_polls)
    return done


@part
def _multiply(team, done, stage, w, texts, buffers):
    """Run the product of a stage with the team; return the number of pieces done so far."""
    product = product_of(stage, w, buffers)
    round_for(product.weights, product.x, inputs_of(buffers))
    n_pieces = linear_pieces(product.weights, product.x.shape[0])
    done = _together(team, done, stage, n_pieces, w, texts, buffers)
    finish_linear(product, buffers.sums)
    return done


@part
def _follow(team, w, texts, buffers):
    """Take pieces of the open stages, until no stages follow."""
    n_polls = 0
    while True:
        stage, piece = look(team)
        if stage == OVER:
            return
        if piece < pieces_of(stage, w, texts, buffers):
            stage, piece = take(team)
            n_pieces = pieces_of(stage, w, texts, buffers)
            if piece < n_pieces:
                work(stage, piece, n_pieces, w, texts, buffers)
                report(team)
                n_polls = 0
        n_polls = wait(team, n_polls)


@part
def _add_rows(rows, w, end, scale, x):
    """Add rows of an embedding table, one for each row of x (R, C)."""
    c = x.shape[1]
    for r in range(x.shape[0]):
        start, row = w.ends[end] + rows[r] * c, x[r]
        weights = w.matrices[start : start + c]
        unit = w.scales[w.end_scales[scale] + rows[r]] if w.scales.size else ONE
        for j in range(c):
            row[j] += F(weights[j]) * unit


@part
def _norm(x, offsets, column, w, y):
    """Write a norm of x (R, C), whose weight has this column in a table of offsets, to y."""
    weight = vector(w.floats, offsets[column], x.shape[1])
    bias = vector(w.floats, offsets[column + 1], x.shape[1])
    normalize(x, weight, bias, w.form.norm == LAYER, w.form.eps, y)


@part
def _embed(w, texts, x):
    x[:] = 0
    _add_rows(texts.tokens, w, WTE, WTE_SCALE, x)
    if w.ends[WPE] >= 0:
        _add_rows(texts.positions, w, WPE, WPE_SCALE, x)
    if w.form.embedding_norm:
        _norm(x, w.ends, LN_WTE, w, x)


@part
def _lead(team, w, texts, buffers):
    """Run the whole model: short stages alone, and long stages with the team."""
    x, n = buffers.x, buffers.n
    n_layer, n_logits, done = texts.keys.shape[0], buffers.logits.shape[0], 0
    _embed(w, texts, x)
    for layer in range(n_layer):
        offsets, first = w.offsets[layer], 1 + layer * KINDS
        if w.form.norm_position == PRE:
            _norm(x, offsets, LN_1, w, n)
        done = _multiply(team, done, first + QKV, w, texts, buffers)
        place_heads(layer, w, texts, buffers)
        if layer == n_layer - 1 and n_logits == 0:
            return
        n_pieces = attention_pieces(layer, w, texts, buffers)
        done = _together(team, done, first + ATTEND, n_pieces, w, texts, buffers)
        done = _multiply(team, done, first + MERGE, w, texts, buffers)
        if w.form.norm_position == PRE:
            _norm(x, offsets, LN_2, w, n)
        else:
            _norm(x, offsets, LN_1, w, x)
        done = _multiply(team, done, first + EXPAND, w, texts, buffers)
        if w.form.gated:
            gate(buffers.hidden, w.form.activation, buffers.inner)
        done = _multiply(team, done, first + REDUCE, w, texts, buffers)
        if w.form.norm_position == POST:
            _norm(x, offsets, LN_2, w, x)
    if w.form.norm_position == PRE:
        _norm(x, w.ends, LN_F, w, x)
    head, _ = head_of(w, buffers)
    round_for(head, x, inputs_of(buffers))
    _together(team, done, 1 + n_layer * KINDS, head_pieces(head), w, texts, buffers)


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
