"""A value that the forward pass did not keep, and who computes it again."""

from dataclasses import dataclass

from scratchgpt.backend import Array


class NotKeptError(ValueError):
    """A backward pass was given a ``saved`` whose array somebody else has to recompute."""


@dataclass(frozen=True)
class Recomputed:
    """Stands in a field of a ``saved`` in place of an array that the forward pass did not keep.

    Attributes
    ----------
    what : str
        The value, as ``"the output of the activation"``.
    by : str
        The backward pass that computes it again and puts it in its place, as ``"MLP.backward"``.
    """

    what: str
    by: str


def kept(value: Array | Recomputed, name: str, function: str) -> Array:
    """The array itself.

    Parameters
    ----------
    value : array or Recomputed
        A field of a ``saved``.
    name : str
        Of the field.
    function : str
        The backward pass that needs it.

    Raises
    ------
    NotKeptError
        If the forward pass did not keep the array; says who recomputes it.
    """
    if isinstance(value, Recomputed):
        raise NotKeptError(
            f"{function}: saved.{name}, {value.what}, was not kept, for {value.by} recomputes it; "
            f"call {value.by} instead, or put the array in the place of saved.{name}"
        )
    return value
