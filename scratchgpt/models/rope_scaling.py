"""Checks of the scaling of rotary frequencies, as a file or a user gives it."""

from typing import Any

from scratchgpt.arguments import real_number
from scratchgpt.errors import UserError, did_you_mean

# The fields of each kind: those that it needs, and those that it may have.
_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "linear": (("factor",), ()),
    "llama3": (
        ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
        (),
    ),
    "yarn": (
        ("factor", "original_max_position_embeddings"),
        ("beta_fast", "beta_slow", "attention_factor", "truncate"),
    ),
}


def check_rope_scaling(scaling: dict[str, Any] | None) -> None:
    """Raise UserError unless the scaling is None, or one that :class:`Rotary` computes."""
    if scaling is None:
        return
    kind = scaling.get("rope_type") if isinstance(scaling, dict) else None
    if kind not in _FIELDS:
        raise UserError(
            f"rope_scaling={scaling!r} must have a rope_type of {', '.join(_FIELDS)}"
            f"{did_you_mean(str(kind), _FIELDS)}"
        )
    needed, optional = _FIELDS[kind]
    for name in needed:
        if name not in scaling:
            raise UserError(f"rope_scaling of rope_type {kind!r} needs {name}")
    for name, value in scaling.items():
        if name not in ("rope_type", "truncate", *needed, *optional):
            raise UserError(
                f"rope_scaling of rope_type {kind!r} has an unknown field {name!r}"
                f"{did_you_mean(name, (*needed, *optional))}"
            )
        number = real_number(value)
        if name == "truncate" and not isinstance(value, bool):
            raise UserError(f"rope_scaling: truncate={value!r} must be true or false")
        if name not in ("rope_type", "truncate") and (number is None or not number > 0):
            raise UserError(f"rope_scaling: {name}={value!r} must be a positive number")
