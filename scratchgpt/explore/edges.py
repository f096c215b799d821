"""What the cards pass to each other: values forward, gradients backward."""

from dataclasses import dataclass

from scratchgpt.explore.cards import Card

_REARRANGED = ("heads", "merge")  # the same numbers in another order


@dataclass(frozen=True)
class Edge:
    """A value that one card passes to another, and the gradient that comes back.

    Attributes
    ----------
    source, target : Card
        The card that computes the value, and one that reads it.
    kind : {"next", "near", "past"}
        Whether the target is the next card, the one after the next, or reads the value as the
        residual stream past a branch.
    value : int
        Number of the array that the source computes.
    gradient : int or None
        Number of the gradient that the target returns for it; None if it returns none.
    """

    source: Card
    target: Card
    kind: str
    value: int
    gradient: int | None

    def norm(self, way: str) -> float | None:
        """Return the norm of the value (``"forward"``) or of the gradient (``"backward"``)."""
        number = self.value if way == "forward" else self.gradient
        return None if number is None else self.source.values[number].statistics.norm


def edges_of(cards: list[Card]) -> list[Edge]:
    """Return the edges between cards, in the order of the forward pass.

    The edges from the memory of a Transformer to the decoder, which pass many cards, are left out:
    the card of the memory lists their gradients.
    """
    edges = []
    for i, card in enumerate(cards):
        for name, number in _inputs(card):
            source = next((j for j in reversed(range(i)) if number in _outputs(cards[j])), None)
            if source is None:
                continue
            kind = "past" if card.op == "residual" and name == "x" else "near"
            kind = "next" if source == i - 1 else kind
            is_end_of_queries = cards[source].facts.get("heads") == "H" and card.op == "attention"
            if kind == "near" and source != i - 2 and not is_end_of_queries:
                continue
            gradient = _gradient(cards[source], card)
            edge = Edge(cards[source], card, kind, number, gradient)
            if edge not in edges:
                edges.append(edge)
    return edges


def _inputs(card: Card) -> list[tuple[str, int]]:
    """Return what a card reads: name, and number of the array before its heads were arranged."""
    found = []
    fields = [f for f in card.fields if f.side == "forward"]
    # The card of the memory computes nothing: its output is the output of the encoder.
    for f in [f for f in fields if f.role == "input"] or fields[-1:]:
        how = card.values[f.value].how or {}
        if how.get("k") in _REARRANGED:
            sources = how["a"] if isinstance(how["a"], list) else [how["a"]]
            found += [(f.name, source) for source in sources]
        else:
            found.append((f.name, f.value))
    return found


def _outputs(card: Card) -> set[int]:
    return {f.value for f in card.fields if (f.side, f.role) == ("forward", "output")}


def _gradient(source: Card, target: Card) -> int | None:
    """Return the number of the gradient that the target returns to the source."""
    # A residual passes on the gradient it receives. The gradients of the heads, and those of a
    # sum, are what the source receives, arranged or scaled.
    of = {"residual": (target, "dy"), "attention": (source, "dy"), "sum": (source, "dy")}
    card, *names = of.get(target.op, (target, "through the norm", "dx", "dlogits"))
    at = {f.name: f.value for f in card.fields if f.side == "backward"}
    return next((at[name] for name in names if name in at), None)
