"""Embedding: rows of a table, and the sum of gradients of repeated tokens."""

import numpy as np

from scratchgpt.explore.cards import Card, Pair, rows
from scratchgpt.explore.unfold.sums import GradientSums


def unfold_embedding(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add the table and the rows y; dy and dweight."""
    tokens, weight = pair.forward.inputs["tokens"], pair.forward.inputs["weight"]
    y = rows(pair.forward.result[0])
    tokens = tokens.reshape(-1)
    t, n = card.time, card.facts["rows"]
    indices = tokens.tolist()
    at_w = card.add("forward", "parameter", "weight", f"{n} C", weight)
    card.add("forward", "output", "y", f"{t} C", y, {"k": "gather", "a": at_w, "tokens": indices})
    # Code beside the operation may scale y or add to it in place, after the copy was made.
    card.check("y", weight[tokens], y)
    card.facts["tokens"] = indices
    if pair.node is not None:
        card.n_bytes = pair.node.n_bytes
    if pair.backward is None:
        return
    dy, dweight = rows(pair.backward.inputs["dy"]), pair.backward.result
    at_dy = card.add("backward", "input", "dy", f"{t} C", dy)
    if dweight is None:
        return
    own = np.zeros_like(weight)
    np.add.at(own, tokens, dy)
    card.check("dweight", sums.after(weight, own), dweight)
    how = {"k": "scatter", "a": at_dy, "tokens": indices}
    sums.add(weight, card.add("backward", "output", "dweight", f"{n} C", own, how))
