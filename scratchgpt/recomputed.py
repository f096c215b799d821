"""Placeholders for arrays that the forward pass did not save and a backward pass recomputes."""

from dataclasses import dataclass

from scratchgpt.backend import Array


class NotKeptError(ValueError):
    """A backward pass needs an array that was not saved, and that its caller must recompute."""


@dataclass(frozen=True)
class Recomputed:
    """Placeholder in a field of a ``saved`` for an array that the forward pass did not save.

    Attributes
    ----------
    what : str
        Description of the array, such as ``"the output of the activation"``.
    by : str
        The backward pass that recomputes the array and replaces the placeholder, such as
        ``"MLP.backward"``.
    """

    what: str
    by: str


def kept(value: Array | Recomputed, name: str, function: str) -> Array:
    """Return the array, or raise an error if it is a placeholder.

    Parameters
    ----------
    value : array or Recomputed
        A field of a ``saved``.
    name : str
        The name of the field.
    function : str
        The backward pass that needs it.

    Raises
    ------
    NotKeptError
        If the forward pass did not save the array; the message names who recomputes it.
    """
    if isinstance(value, Recomputed):
        raise NotKeptError(
            f"{function}: saved.{name} ({value.what}) was not kept, because {value.by} recomputes "
            f"it; call {value.by} instead, or replace saved.{name} by the array"
        )
    return value
