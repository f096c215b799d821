"""What the code between the operations does: sums, and rearrangements of heads."""

from collections.abc import Iterator

import numpy as np

from scratchgpt.explore.cards import Card, Field, Pair, rows
from scratchgpt.explore.record import Recording
from scratchgpt.explore.values import How, product, total
from scratchgpt.layers.positions import sinusoids


def add_glue(cards: list[Card], pairs: list[Pair], recording: Recording) -> list[Card]:
    """Describe how values pass from one card to the next, and add a card for each bare sum."""
    by_id = {card.id: (card, pair) for card, pair in zip(cards, pairs, strict=True)}
    for card in cards:
        if card.op == "attention":
            _join_heads(card, {name: item[0] for name, item in by_id.items()})
    result: list[Card] = []
    is_post = recording.step.model.config.norm_position == "post"
    has_sum = getattr(recording.step.model.config, "positions", "learned") != "rotary"
    for i, card in enumerate(cards):
        if card.op == "residual":
            dy = find(cards[i + 1], "backward", "dx").value
            card.add("backward", "input", "dy", f"{card.time} C", card.values[dy].array)
            if is_post:
                _add_fan_out(i, cards, pairs)
    for i, card in enumerate(cards):
        result.append(card)
        following = cards[i + 1] if i + 1 < len(cards) else None
        if has_sum and _ends_embedding(card, following):
            result.append(_embedding_sum(i, cards, pairs, recording))
        if card.id.startswith("encoder.") and following and following.id.startswith("decoder."):
            memory = _memory(i, cards, pairs)
            if memory is not None:
                result.append(memory)
    return result


def find(card: Card, side: str, *names: str) -> Field:
    """Return the field of a card with one of some names."""
    return next(f for f in card.fields if f.side == side and f.name in names)


def _join_heads(card: Card, by_id: dict[str, Card]) -> None:
    """Describe q, k, v as parts of one array, and that array's gradient as parts joined again."""
    place = card.id.rpartition(".")[0]
    projection = by_id[f"{place}.c_proj"]
    values = card.values
    d = values[find(card, "forward", "q").value].array.shape[-1]
    at = {name: find(card, "forward", name).value for name in ("q", "k", "v")}
    grads = dict(zip("qkv", card.facts.pop("gradients"), strict=True))
    for part in "qk":  # a norm or a rotation may come first
        before = next((c for name, c in by_id.items() if name.startswith(f"{place}.{part}.")), None)
        if before is not None:
            at[part] = find(before, "forward", "x").value
            grads[part] = find(before, "backward", "dx").value
    for name, parts in (("c_attn", "qkv"), ("c_q", "q"), ("c_kv", "kv")):
        source = by_id.get(f"{place}.{name}")
        if source is None:
            continue
        y, first = find(source, "forward", "y").value, 0
        for part in parts:
            _explain(card, at[part], {"k": "heads", "a": y, "j": first, "d": d})
            first += len(values[at[part]].array) * d
        dy = find(source, "backward", "dy").value
        _explain(card, dy, {"k": "merge", "a": [grads[part] for part in parts], "d": d})
    y = find(card, "forward", "y").value
    _explain(card, find(projection, "forward", "x").value, {"k": "merge", "a": [y], "d": d})
    dx = find(projection, "backward", "dx").value
    _explain(card, find(card, "backward", "dy").value, {"k": "heads", "a": dx, "j": 0, "d": d})


def _explain(card: Card, number: int, how: How) -> None:
    """Say how an array came about, if nothing said so yet."""
    card.values.add(card.values[number].array, how)


def _add_fan_out(i: int, cards: list[Card], pairs: list[Pair]) -> None:
    """Add the two gradients of the input of a post-norm sublayer, and their sum."""
    card, place = cards[i], cards[i].id.rpartition(".")[0]
    first = next(j for j, other in enumerate(cards) if other.id.startswith(f"{place}."))
    axes = f"{card.time} C"
    past = find(cards[i + 1], "backward", "dx")
    through = find(cards[first], "backward", "dx")
    arrays = [card.values[f.value].array for f in (past, through)]
    at_past = card.add("backward", "input", "past the branch", axes, arrays[0])
    at_through = card.add("backward", "input", "through the branch", axes, arrays[1])
    dx = arrays[0] + arrays[1]
    if first and cards[first - 1].op != "embedding":  # their sum has a card, which checks it
        below = pairs[first - 1].backward
        if below is not None:
            card.check("dx", dx, rows(below.inputs["dy"]))
    card.add("backward", "output", "dx", axes, dx, total("tc", at_past, at_through))


def _ends_embedding(card: Card, following: Card | None) -> bool:
    """Whether the token and the position embedding are added after this card."""
    is_embedding = card.op == "embedding"
    return is_embedding and (following is None or following.op != "embedding")


def _embedding_sum(i: int, cards: list[Card], pairs: list[Pair], recording: Recording) -> Card:
    """Return the card of token embedding plus position embedding."""
    has_positions = cards[i].id.endswith("wpe")
    tokens = cards[i - 1] if has_positions else cards[i]
    place = tokens.id.rpartition(".")[0]
    card = Card(f"{place}.sum".lstrip("."), "sum", tokens.layer, tokens.values)
    card.time = tokens.time
    axes = f"{card.time} C"
    source = pairs[i + 1].forward.inputs
    y = rows(source["x"])
    y_tokens = find(tokens, "forward", "y").value
    token_array = card.values[y_tokens].array
    card.add("forward", "input", "tokens", axes, token_array)
    if has_positions:
        added = card.values[find(cards[i], "forward", "y").value].array
    else:
        added = sinusoids(len(y), y.shape[-1]).astype(np.float32)
    at_positions = card.add("forward", "input", "positions", axes, added)
    config = recording.step.model.config
    scale = np.sqrt(config.n_embd) if getattr(config, "scale_embeddings", False) else 1.0
    how = product("tc", (y_tokens, "tc"), f=float(scale), plus=[(at_positions, "tc")])
    if scale == 1.0:
        how = total("tc", y_tokens, at_positions)
    card.add("forward", "output", "x", axes, y, how)
    card.check("x", token_array * np.float32(scale) + added, y)
    card.facts["scale"] = float(scale)
    dtokens = find(tokens, "backward", "dy").value
    dx = find(cards[i], "backward", "dy").value if has_positions else _dx_of_stream(cards[i + 1 :])
    array = card.values[dx].array
    card.add("backward", "input", "dx", axes, array)
    if scale != 1.0:
        card.check("dtokens", array * np.float32(scale), card.values[dtokens].array)
        how = product("tc", (dx, "tc"), f=float(scale))
        card.add("backward", "output", "dtokens", axes, card.values[dtokens].array, how)
    return card


def _dx_of_stream(above: list[Card]) -> int:
    """Return the gradient of the stream below some cards: that of the first card that reads it.

    A post-norm sublayer begins with its branch, so the sum of both gradients is on its residual.
    """
    reads = ("dropout", "layer_norm", "rms_norm", "residual")
    return _dx_of(next(card for card in above if card.op in reads))


def _dx_of(card: Card) -> int:
    return find(card, "backward", "dx").value


def _memory(i: int, cards: list[Card], pairs: list[Pair]) -> Card | None:
    """Return the card of the memory, whose gradient is a sum over the blocks of the decoder."""
    sources = list(_memory_readers(cards))
    if not sources:
        return None
    card = Card("decoder.memory", "sum", "decoder", cards[i].values)
    card.time = "S"
    memory = find(cards[i], "forward", "y")
    card.add("forward", "output", "memory", "S C", card.values[memory.value].array)
    terms = []
    result = None
    for source in reversed(sources):
        dx = card.values[_dx_of(source)].array
        block = source.id.split(".")[2]
        terms.append(card.add("backward", "input", f"dmemory of block {block}", "S C", dx))
        result = dx if result is None else result + dx
    assert result is not None
    above = pairs[i].backward
    if above is not None:
        card.check("dmemory", result, rows(above.inputs["dy"]))
    card.add("backward", "output", "dmemory", "S C", result, total("tc", *terms))
    return card


def _memory_readers(cards: list[Card]) -> Iterator[Card]:
    for card in cards:
        if card.id.endswith(".c_kv"):
            yield card
