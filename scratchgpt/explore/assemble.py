"""From a recorded step to its cards: pairs of calls, names, and the values that code passes on."""

from typing import Any

import numpy as np

from scratchgpt.errors import UserError
from scratchgpt.explore.cards import Card, Pair
from scratchgpt.explore.glue import add_glue
from scratchgpt.explore.record import Call, Recording
from scratchgpt.explore.unfold import UNFOLD
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import Values

_REPEATED = ("forward", "backward")  # a forward that runs in the backward pass

# Names of the sizes of linear layers: input, output.
_SIZES = {"c_q": ("C", "C"), "c_kv": ("C", "2C"), "lm_head": ("C", "V")}


def assemble(recording: Recording, values: Values) -> tuple[list[Card], GradientSums]:
    """Return one card for each operation, in the order of the forward pass, and the gradients.

    Raises
    ------
    UserError
        If what a card explains differs from what was recorded.
    """
    sums = GradientSums(recording.step.model.store)
    pairs = _pairs(recording)
    cards: list[Card] = []
    for pair in pairs:
        call = pair.forward
        card = Card(_id(pair, cards), call.op, call.path, values)
        card.time = "S" if _reads_source(call.path) else "T"
        card.facts.update(_facts(pair, recording))
        if pair.node is not None:
            card.n_bytes = pair.node.n_bytes
        cards.append(card)
    # Gradients of a shared parameter add up in the order of the backward pass.
    order = sorted(range(len(pairs)), key=lambda i: _order(pairs[i], recording.calls))
    with np.errstate(all="ignore"):
        for i in order:
            UNFOLD[pairs[i].forward.op](cards[i], pairs[i], sums)
        cards = add_glue(cards, pairs, recording)
    _check_sources(cards, recording)
    _number(cards, pairs, recording)
    return cards, sums


def _check_sources(cards: list[Card], recording: Recording) -> None:
    """Check that every gradient that a card receives is one that another card returned.

    The operations may all be right while the code between them drops or changes a gradient.

    Raises
    ------
    UserError
        If a gradient comes from nowhere, or a norm lacks the gradient past its branch.
    """
    is_pre = recording.step.model.config.norm_position == "pre"
    for card in cards:
        received = [f for f in card.fields if f.side == "backward" and f.role == "input"]
        for f in received:
            if f.name != "dloss" and card.values[f.value].how is None:
                raise UserError(
                    f"{card.id}: {f.name} is not what any operation returned, so no page is "
                    "written; run `scratchgpt verify` to find the mistake"
                )
        in_block = is_pre and card.is_norm_of_stream and "h" in card.id.split(".")
        if in_block and all(f.name != "past the branch" for f in received):
            raise UserError(
                f"{card.id}: the gradient past the branch is missing, so no page is written; run "
                "`scratchgpt verify` to find the mistake"
            )


def _pairs(recording: Recording) -> list[Pair]:
    """Pair each forward call with its backward call; the last forward is undone first."""
    nodes = {id(call): node for call, node in recording.nodes}
    undone = [call for call in recording.calls if call.way == "backward"]
    backward: dict[int, Call] = {}
    forwards = [c for c in recording.calls if c.way == "forward" and c.phase == "forward"]
    for call in reversed(forwards):
        found = next((c for c in undone if (c.op, c.path) == (call.op, call.path)), None)
        if found is not None:
            undone.remove(found)
            backward[id(call)] = found
    return [Pair(call, backward.get(id(call)), nodes.get(id(call))) for call in forwards]


def _order(pair: Pair, calls: list[Call]) -> int:
    """Return when the backward call ran; calls without one come in between."""
    if pair.backward is None:
        return -1
    return next(i for i, call in enumerate(calls) if call is pair.backward)


def _id(pair: Pair, cards: list[Card]) -> str:
    """Return the path of what a call saved; a sum, which saves nothing, is named by its place."""
    if pair.node is not None:
        return pair.node.short
    place = cards[-1].id.rpartition(".")[0] if cards else ""
    return f"{place}.{pair.forward.op}".lstrip(".")


def _reads_source(path: str) -> bool:
    """Whether the rows of a layer are tokens of the source of a Transformer."""
    return path.startswith("encoder") or path.endswith("c_kv")


def _facts(pair: Pair, recording: Recording) -> dict[str, Any]:
    call = pair.forward
    last = call.path.rpartition(".")[2]
    if call.op == "linear":
        n_in, n_out = _sizes_of_linear(call.path, recording.step.model.config)
        return {"n_in": n_in, "n_out": n_out}
    if call.op in ("rms_norm", "rotary") and call.inputs["x"].ndim == 4:
        is_query = call.inputs["x"].shape[1] == recording.step.model.config.n_head
        return {"heads": "H" if is_query else "K"}
    if call.op == "attention":
        queries = "S" if call.path.startswith("encoder") else "T"
        keys = "S" if last == "cross" or queries == "S" else "T"
        saved = call.saved
        return {
            "queries": queries,
            "keys": keys,
            "scale": saved.scale,
            "p": saved.dropout_p,
            "soft_cap": saved.soft_cap,
        }
    if call.op == "embedding":
        return {"rows": "P" if last == "wpe" else "V"}
    if call.op == "dropout":
        return {"p": call.saved.p, "seed": call.saved.seed}
    return {}


def _sizes_of_linear(path: str, config: Any) -> tuple[str, str]:
    """Return the names of the sizes of a linear layer: input, output."""
    last = path.rpartition(".")[2]
    of_heads = "C" if config.n_head * config.head_size == config.n_embd else "N"
    if last == "c_attn":
        n_kv_head = getattr(config, "kv_heads", config.n_head)
        return "C", "3C" if of_heads == "C" and n_kv_head == config.n_head else "Q"
    if last == "c_fc":
        return "C", "2F" if getattr(config, "gated_mlp", False) else "F"
    default = ("F", "C") if ".mlp." in path else (of_heads, "C")
    return _SIZES.get(last, default)


def _number(cards: list[Card], pairs: list[Pair], recording: Recording) -> None:
    """Number the steps: up through the forward pass, then down through the backward pass.

    A card whose backward pass runs no operation comes after the card above it.
    """
    operations = [card for card in cards if card.op != "sum"]
    at = {
        id(card): _order(pair, recording.calls)
        for card, pair in zip(operations, pairs, strict=True)
    }
    order, last = [], -1.0
    for place, card in enumerate(reversed(cards)):
        last = max(last, at.get(id(card), -1))
        order.append(
            (at.get(id(card), -1) if at.get(id(card), -1) >= 0 else last + 0.5, place, card)
        )
    for number, card in enumerate(cards, start=1):
        card.forward = number
    for number, (_, _, card) in enumerate(sorted(order, key=lambda item: item[:2]), start=1):
        card.backward = len(cards) + number
    repeated = {(c.op, c.path) for c in recording.calls if (c.way, c.phase) == _REPEATED}
    for card in operations:
        if (card.op, card.layer) in repeated:
            card.recomputed = "y"
