"""RMS norm: the normalized rows, one mean, and the two terms of the gradient."""

import numpy as np

from scratchgpt.explore.cards import Card, Pair, one_row, rows
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import product, total


def unfold_rms_norm(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add rstd, x_hat and y; dx_hat, its projection, the gradient through the norm and dx."""
    inputs, (y, saved) = pair.forward.inputs, pair.forward.result
    # The rows are tokens, or the heads of the queries or keys of each token.
    per_head = inputs["x"].ndim == 4
    lead, letters, wide = (
        (f"{card.facts['heads']} T", "ht", "D") if per_head else (card.time, "t", "C")
    )
    shaped = one_row if per_head else rows
    x, y, weight, rstd = shaped(inputs["x"]), shaped(y), inputs["weight"], saved.rstd
    full, each = f"{letters}c", f"{lead} {wide}"
    n = x.shape[-1]
    rstd = rstd.reshape(x.shape[:-1])

    at_x = card.add("forward", "input", "x", each, x)
    how = {"k": "rrms", "a": at_x, "eps": inputs["eps"]}
    at_rstd = card.add("forward", "inner", "rstd", lead, rstd, how)
    card.check("rstd", ((x * x).mean(axis=-1) + x.dtype.type(inputs["eps"])) ** -0.5, rstd)
    x_hat = x * rstd[..., None]
    how = product(full, (at_x, full), (at_rstd, letters))
    if weight is None:
        at_hat = card.add("forward", "output", "y", each, y, how)
        card.check("y", x_hat, y)
    else:
        at_w = card.add("forward", "parameter", "weight", wide, weight)
        at_hat = card.add("forward", "inner", "x_hat", each, x_hat, how)
        how = product(full, (at_hat, full), (at_w, "c"))
        card.add("forward", "output", "y", each, y, how)
        card.check("y", x_hat * weight, y)
    if pair.node is not None:
        card.add_saved(pair.node, {"x": each, "rstd": lead})
    if pair.backward is None:
        return

    dy = shaped(pair.backward.inputs["dy"])
    past = pair.backward.inputs.get("residual_gradient")
    dx, dweight = pair.backward.result
    dx = shaped(dx)
    at_dy = at_dhat = card.add("backward", "input", "dy", each, dy)
    dx_hat = dy
    if weight is not None:
        dx_hat = dy * weight
        how = product(full, (at_dy, full), (at_w, "c"))
        at_dhat = card.add("backward", "inner", "dx_hat", each, dx_hat, how)
    projection = np.einsum("...c,...c->...", dx_hat, x_hat) / n
    how = product(letters, (at_dhat, full), (at_hat, full), over="c", f=1 / n)
    at_projection = card.add("backward", "inner", "projection", lead, projection, how)
    through = (dx_hat - x_hat * projection[..., None]) * rstd[..., None]
    how = {"k": "rms_back", "a": at_dhat, "b": at_hat, "c": at_projection, "d": at_rstd}
    name = "dx" if past is None else "through the norm"
    shown = dx if past is None else through
    at_through = card.add("backward", "output", name, each, shown, how)
    if past is None:
        card.check("dx", through, dx)
    else:
        past = rows(past)
        at_past = card.add("backward", "input", "past the branch", each, past)
        card.add("backward", "output", "dx", each, dx, total(full, at_through, at_past))
        card.check("dx", through + past, dx)
    if dweight is not None:
        own = (dy * x_hat).reshape(-1, n).sum(axis=0)
        card.check("dweight", sums.after(weight, own), dweight)
        how = product("c", (at_dy, "tc"), (at_hat, "tc"), over="t")
        if per_head:
            how = {"k": "dot_rows", "a": at_dy, "b": at_hat}
        sums.add(weight, card.add("backward", "output", "dweight", wide, own, how))
