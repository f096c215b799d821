"""Sublayers: what a block of any Transformer is a row of, each around a residual connection."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers.dropout import Dropout
from scratchgpt.layers.layer_norm import LayerNorm
from scratchgpt.memory import borrow, empty_like, lending, scope
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.layer_norm import LayerNormSaved
from scratchgpt.ops.residual import residual_forward

Forward = Callable[[Array], tuple[Array, Any]]
Backward = Callable[[Array, Any], Array]


class SublayerSaved(NamedTuple):
    norm: LayerNormSaved
    branch: Any
    drop: DropoutSaved


def sublayers_forward(
    x: Array,
    sublayers: Sequence[tuple[LayerNorm, Forward]],
    drop: Dropout,
    seeds: Sequence[int | None],
    norm_position: str,
) -> tuple[Array, list[SublayerSaved]]:
    """x (B, T, C) through one sublayer after the other -> y (B, T, C).

    ``"pre"`` is x + drop(branch(norm(x))), ``"post"`` is norm(x + drop(branch(x))).

    Parameters
    ----------
    x : array (B, T, C)
    sublayers : pairs of a norm and a branch
        What a branch saves has a method ``with_input(n)``: the same with another input, or with
        None in its place.
    drop : Dropout
    seeds : int or None for each
        Of dropout; without one nothing is dropped.
    norm_position : {"pre", "post"}
    """
    saved = []
    # What a branch returns is not needed again, so dropout and the sum are written over it; nor is
    # the norm before a branch, which the backward pass makes again.
    if norm_position == "pre":
        a = None
        for (norm, branch), seed in zip(sublayers, seeds, strict=True):
            with lending():
                n = borrow(x.shape, like=x)
                if a is None:
                    n, ln = norm.forward(x, y_out=n)  # 1
                else:  # 4 of the sublayer before, in one pass with 1
                    (x, n), ln = norm.forward_of_sum(x, a, y_out=a, n_out=n)
                a, kept = branch(n)  # 2
            a, dropped = drop.forward(a, seed, y_out=a)  # 3
            saved.append(SublayerSaved(ln, kept.with_input(None), dropped))
        assert a is not None
        x, _ = residual_forward(x, a, y_out=a)  # 4
    else:
        for (norm, branch), seed in zip(sublayers, seeds, strict=True):
            a, kept = branch(x)  # 1
            a, dropped = drop.forward(a, seed, y_out=a)  # 2
            (_, x), ln = norm.forward_of_sum(x, a, y_out=a)  # 3 and 4
            saved.append(SublayerSaved(ln, kept, dropped))
    return x, saved


def sublayers_backward(
    dy: Array,
    saved: Sequence[SublayerSaved],
    sublayers: Sequence[tuple[LayerNorm, Backward]],
    drop: Dropout,
    norm_position: str,
) -> Array:
    """dy (B, T, C) -> dx (B, T, C), with the backward of each branch.

    At each residual connection x fans out, so two gradients meet again and are added.
    """
    dx = empty_like(dy)
    with scope():
        before = [dx] + [empty_like(dy) for _ in sublayers[1:]]  # gradient of what each was given
        for (norm, branch), (ln, kept, dropped), dx_i in reversed(
            list(zip(sublayers, saved, before, strict=True))
        ):
            with scope():
                if norm_position == "pre":
                    da = drop.backward(dy, dropped)  # undoes 4 and 3
                    n, _ = norm.forward(ln.x)
                    dn = branch(da, kept.with_input(n))  # 2
                    norm.backward(dn, ln, residual_gradient=dy, dx_out=dx_i)  # 1 and 4
                else:
                    dsum = norm.backward(dy, ln)  # undoes 4
                    da = drop.backward(dsum, dropped)  # 3 and 2
                    np.add(dsum, branch(da, kept), out=dx_i)  # 3, past the branch, and 1
            dy = dx_i
    return dx


def sublayers_extend(
    x: Array,
    sublayers: Sequence[tuple[LayerNorm, Callable[[Array], Array]]],
    norm_position: str,
) -> Array:
    """:func:`sublayers_forward` for generation: nothing is dropped or saved."""
    for norm, branch in sublayers:
        if norm_position == "pre":
            x = x + branch(norm.forward(x)[0])
        else:
            x = norm.forward(x + branch(x))[0]
    return x
