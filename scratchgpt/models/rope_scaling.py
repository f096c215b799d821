"""Checks of the scaling of rotary frequencies, as a file or a user gives it."""

import math
from typing import Any, NamedTuple

from scratchgpt.arguments import plain, real_number
from scratchgpt.errors import UserError, did_you_mean


class _Fields(NamedTuple):
    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


_ORIGINAL = "original_max_position_embeddings"
_FIELDS = {
    "linear": _Fields(("factor",)),
    "llama3": _Fields(("factor", "low_freq_factor", "high_freq_factor", _ORIGINAL)),
    "yarn": _Fields(
        ("factor", _ORIGINAL), ("beta_fast", "beta_slow", "attention_factor", "truncate")
    ),
}
# The context that the frequencies were trained for; without it, that of the model.
HAVE_ORIGINAL = tuple(kind for kind, known in _FIELDS.items() if _ORIGINAL in known.needed)


def plain_rope_scaling(scaling: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a copy of a scaling with Python's numbers; None for None.

    Raises
    ------
    UserError
        If it is not a scaling that :class:`scratchgpt.layers.Rotary` computes.
    """
    if scaling is None:
        return None
    kind = scaling.get("rope_type") if isinstance(scaling, dict) else None
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise UserError(
            f"rope_scaling={scaling!r} must have a rope_type of {', '.join(_FIELDS)}"
            f"{did_you_mean(str(kind), _FIELDS)}"
        )
    needed, optional = _FIELDS[kind]
    for name in needed:
        if name not in scaling:
            raise UserError(f"rope_scaling of rope_type {kind!r} needs {name}")
    copy = {
        name: plain(value)
        for name, value in scaling.items()
        if value is not None or name not in optional
    }
    for name, value in copy.items():
        if name not in ("rope_type", *needed, *optional):
            raise UserError(
                f"rope_scaling of rope_type {kind!r} has an unknown field {name!r} with the value "
                f"{value!r}{did_you_mean(name, (*needed, *optional))}"
            )
        if name == "rope_type":
            continue
        if name == "truncate":
            if not isinstance(value, bool):
                raise UserError(f"rope_scaling: truncate={value!r} must be true or false")
        elif (number := real_number(value)) is None or not 0 < number < math.inf:
            raise UserError(f"rope_scaling: {name}={value!r} must be a positive number")
    if kind == "llama3" and copy["low_freq_factor"] >= copy["high_freq_factor"]:
        raise UserError(
            f"rope_scaling: low_freq_factor={copy['low_freq_factor']!r} must be less than "
            f"high_freq_factor={copy['high_freq_factor']!r}"
        )
    return copy
