"""All that a page shows of one step: cards, stream, update, bytes and proofs."""

from dataclasses import dataclass, replace

import numpy as np

from scratchgpt.explore.assemble import assemble
from scratchgpt.explore.cards import Card
from scratchgpt.explore.proof import MOST_PARAMETERS, Proof, prove
from scratchgpt.explore.record import Recording, record
from scratchgpt.explore.step import Step
from scratchgpt.explore.stream import Station, stations
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.update import Row, Slice, Update, compute_update, slices
from scratchgpt.explore.values import Values
from scratchgpt.models import GPTConfig

# A larger array is a picture with statistics, without its numbers.
MOST_ELEMENTS = 16_384


@dataclass(frozen=True)
class Content:
    """The content of a page.

    Attributes
    ----------
    step : Step
    recording : Recording
    values : Values
    cards : list of Card
    sums : GradientSums
    stations : list of Station
    update : Update
    slices : list of Slice
    proofs : list of Proof
    sizes : dict of str to int
        The size of each letter: T, C, H and so on.
    hidden : frozenset of str
        Blocks that the page leaves out, such as ``"h.1"``.
    has_moments : bool
        Whether the page has the moments and the new values of the parameters.
    """

    step: Step
    recording: Recording
    values: Values
    cards: list[Card]
    sums: GradientSums
    stations: list[Station]
    update: Update
    slices: list[Slice]
    proofs: list[Proof]
    sizes: dict[str, int]
    hidden: frozenset[str] = frozenset()
    has_moments: bool = True

    @property
    def blocks(self) -> list[str]:
        """The blocks of the model, such as ``"h.1"`` or ``"decoder.h.0"``."""
        return list(dict.fromkeys(filter(None, (block_of(card.id) for card in self.cards))))

    @property
    def shown(self) -> list[Card]:
        """The cards on the page."""
        return [card for card in self.cards if self.shows(card)]

    def shows(self, card: Card) -> bool:
        """Whether the page has a card."""
        return block_of(card.id) not in self.hidden

    @property
    def on_page(self) -> set[int]:
        """The numbers of the arrays on the page."""
        found = {f.value for card in self.shown for f in card.fields}
        for station in self.stations:
            if self.shows(station.card):
                named = (station.x, station.dx, station.past, station.through)
                lenses = (station.norm, station.lens, station.gradient_lens)
                found |= {n for n in (*named, *lenses) if n is not None}
        for row in self.update.rows:
            if self.shows_parameter(row.name):
                found |= {number for _, number in self.parts_of(row)}
        return found

    def shows_parameter(self, name: str) -> bool:
        """Whether the page has a parameter: those of hidden blocks are left out."""
        return block_of(name.removeprefix("transformer.")) not in self.hidden

    def parts_of(self, row: Row) -> list[tuple[str, int]]:
        """Return the arrays of a parameter that the page has: names, and numbers."""
        parts: list[tuple[str, int | None]] = [("value", row.value), ("g", row.grad)]
        if self.has_moments:
            parts += [*row.moments, ("new", row.after)]
        return [(name, number) for name, number in parts if number is not None]

    def without(self, hidden: frozenset[str], *, has_moments: bool = True) -> "Content":
        """Return the content of a smaller page."""
        return replace(self, hidden=hidden, has_moments=has_moments)

    @property
    def n_checked(self) -> int:
        """How many arrays were recomputed and compared with the recorded ones."""
        return sum(card.checked for card in self.cards)

    @property
    def worst(self) -> float:
        """The largest relative difference of these comparisons."""
        return max((card.worst for card in self.cards), default=0.0)

    @property
    def n_followed(self) -> int:
        """How many numbers the page can recompute."""
        on_page = self.on_page
        return sum(
            self.values[number].array.size
            for number in on_page
            if self.values.can_be_followed(number, on_page)
        )


def prepare(
    step: Step,
    *,
    most_elements: int = MOST_ELEMENTS,
    landscape: bool = True,
) -> Content:
    """Record a step and compute what its page shows.

    Parameters
    ----------
    step : Step
    most_elements : int
        The largest array that is shown with all its numbers.
    landscape : bool
        Whether to compute the loss along single weights.

    Raises
    ------
    UserError
        If an operation did not compute what the page would explain.
    """
    recording = record(step)
    values = Values(most_elements)
    cards, sums = assemble(recording, values)
    streams = stations(cards, recording)
    update = compute_update(recording, values, sums)
    is_small = step.model.store.size <= MOST_PARAMETERS
    finite = bool(np.isfinite(recording.loss))
    return Content(
        step,
        recording,
        values,
        cards,
        sums,
        streams,
        update,
        slices(recording) if landscape and finite and is_small else [],
        prove(recording),
        sizes_of(step),
    )


def block_of(name: str) -> str:
    """Return the block that a card or a parameter belongs to, or ``""``."""
    parts = name.split(".")
    if "h" not in parts[:2]:
        return ""
    return ".".join(parts[: parts.index("h") + 2])


def sizes_of(step: Step) -> dict[str, int]:
    """Return the size of each letter."""
    config = step.model.config
    sizes = {
        "T": len(step.tokens),
        "C": config.n_embd,
        "H": config.n_head,
        "D": config.head_size,
        "F": config.inner_size,
        "V": config.vocab_size,
        "P": config.block_size,
    }
    if isinstance(config, GPTConfig):
        sizes["K"] = config.kv_heads
        sizes["N"] = config.n_head * config.head_size  # channels of all heads
        sizes["Q"] = (config.n_head + 2 * config.kv_heads) * config.head_size
        sizes["R"] = config.head_size // 2  # pairs of channels that are rotated
    if step.source is not None:
        sizes["S"] = len(step.source)
    return sizes
