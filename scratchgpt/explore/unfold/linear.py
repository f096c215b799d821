"""Linear: the affine map and its three products."""

from typing import Any

from scratchgpt.explore.cards import Card, Pair, rows
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import product


def unfold_linear(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add x, weight, bias and y; dy, dx, dweight and dbias."""
    inputs = pair.forward.inputs
    x, y = rows(inputs["x"]), rows(pair.forward.result[0])
    weight, bias = inputs["weight"], inputs.get("bias")
    # The head uses the table of the embedding (V, C), transposed.
    is_table = sums.is_transposed(weight)
    t, n, m = card.time, card.facts["n_in"], card.facts["n_out"]

    at_x = card.add("forward", "input", "x", f"{t} {n}", x)
    table, letters, axes = (weight.T, "oc", f"{m} {n}") if is_table else (weight, "co", f"{n} {m}")
    at_w = card.add("forward", "parameter", "weight.T" if is_table else "weight", axes, table)
    plus: dict[str, Any] = {}
    if bias is not None:
        plus = {"plus": [(card.add("forward", "parameter", "bias", m, bias), "o")]}
    how = product("to", (at_x, "tc"), (at_w, letters), over="c", **plus)
    card.add("forward", "output", "y", f"{t} {m}", y, how)
    computed = x @ weight
    card.check("y", computed if bias is None else computed + bias, y)
    if pair.node is not None:
        card.add_saved(pair.node, {"x": f"{t} {n}"})
    if pair.backward is None:
        return

    dy = rows(pair.backward.inputs["dy"])
    dx, dweight, dbias = pair.backward.result
    dx = rows(dx)
    at_dy = card.add("backward", "input", "dy", f"{t} {m}", dy)
    how = product("tc", (at_dy, "to"), (at_w, letters), over="o")
    card.add("backward", "output", "dx", f"{t} {n}", dx, how)
    card.check("dx", dy @ weight.T, dx)
    if dweight is not None:
        own = x.T @ dy
        card.check("dweight", sums.after(weight, own), dweight)
        how = product(letters, (at_x, "tc"), (at_dy, "to"), over="t")
        shown = own.T if is_table else own
        sums.add(weight, card.add("backward", "output", "dweight", axes, shown, how))
    if dbias is not None and bias is not None:
        own = dy.sum(axis=0)
        card.check("dbias", sums.after(bias, own), dbias)
        at = card.add("backward", "output", "dbias", m, own, product("o", (at_dy, "to"), over="t"))
        sums.add(bias, at)
