"""All that a page shows of one step: cards, stream, update, bytes and proofs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scratchgpt.explore.assemble import assemble
from scratchgpt.explore.cards import Card
from scratchgpt.explore.proof import Proof, prove
from scratchgpt.explore.record import Recording, record
from scratchgpt.explore.step import Step
from scratchgpt.explore.stream import Station, stations
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.update import Slice, Update, compute_update, slices
from scratchgpt.explore.values import Values

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

    @property
    def shown(self) -> list[Card]:
        """The cards with arrays."""
        return [card for card in self.cards if card.is_whole]

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
        values = self.values
        return sum(
            value.array.size
            for number, value in enumerate(values.all)
            if values.can_be_followed(number)
        )


def prepare(
    step: Step,
    *,
    keeps: Callable[[str], bool] = lambda path: True,
    most_elements: int = MOST_ELEMENTS,
    landscape: bool = True,
) -> Content:
    """Record a step and compute what its page shows.

    Parameters
    ----------
    step : Step
    keeps : callable
        ``keeps(path)`` is False for layers that are left out.
    most_elements : int
        The largest array that is shown with all its numbers.
    landscape : bool
        Whether to compute the loss along single weights.

    Raises
    ------
    UserError
        If an operation did not compute what the page would explain.
    """
    recording = record(step, keeps)
    values = Values(most_elements)
    cards, sums = assemble(recording, values)
    streams = stations(cards, recording)
    update = compute_update(recording, values, sums)
    finite = bool(np.isfinite(recording.loss))
    return Content(
        step,
        recording,
        values,
        cards,
        sums,
        streams,
        update,
        slices(recording) if landscape and finite else [],
        prove(recording),
        sizes_of(step),
    )


def sizes_of(step: Step) -> dict[str, int]:
    """Return the size of each letter."""
    config = step.model.config
    sizes = {
        "T": len(step.tokens),
        "C": config.n_embd,
        "H": config.n_head,
        "D": config.n_embd // config.n_head,
        "F": config.inner_size,
        "V": config.vocab_size,
        "P": config.block_size,
    }
    if step.source is not None:
        sizes["S"] = len(step.source)
    return sizes
