"""Angles of rotary positions, with the scalings that extend the context of a trained model."""

import math
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module, to_device_of


class Rotation(NamedTuple):
    """Cosine and sine of the angles of some positions, for ``rotary_forward``."""

    cos: Array  # (T, D/2), or (B, 1, T, D/2)
    sin: Array
    pairing: str


class Rotary:
    r"""The frequencies of rotary positions: position t turns pair i by :math:`t\,\omega_i`.

    Parameters
    ----------
    head_size : int
        D.
    theta : float
        The base: :math:`\omega_i = \theta^{-2i/D}`.
    scaling : dict, optional
        As ``rope_scaling`` of :class:`scratchgpt.models.GPTConfig`.
    pairing : {"halves", "neighbors"}
    reversed : bool
        Whether the angles are negative.

    Attributes
    ----------
    frequencies : float64 array (D/2,)
        :math:`\omega`, in radians per position.
    factor : float
        Multiplies cosine and sine.
    """

    def __init__(
        self,
        head_size: int,
        *,
        theta: float,
        scaling: dict[str, Any] | None = None,
        pairing: str = "halves",
        reversed: bool = False,
    ) -> None:
        frequencies = theta ** (-np.arange(0, head_size, 2) / head_size)
        self.frequencies, self.factor = _scale(frequencies, scaling or {}, head_size, theta)
        if reversed:
            self.frequencies = -self.frequencies
        self.pairing = pairing

    def at(self, positions: Array, like: Array) -> Rotation:
        """Return the rotation of positions (T,) or (B, T), with the dtype and library of ``like``.

        The angles are computed in float64: at late positions, float32 would round them.
        """
        xp = array_module(like)
        positions = to_device_of(like, positions)
        if positions.ndim == 2:
            positions = positions[:, None]  # (B, 1, T), for all heads
        angles = positions[..., None] * xp.asarray(self.frequencies)
        cos, sin = np.cos(angles), np.sin(angles)
        cos *= self.factor
        sin *= self.factor
        real = like.real.dtype
        return Rotation(cos.astype(real), sin.astype(real), self.pairing)


def _scale(
    frequencies: Array, scaling: dict[str, Any], head_size: int, theta: float
) -> tuple[Array, float]:
    """Return the scaled frequencies, and the factor of cosine and sine."""
    kind, factor = scaling.get("rope_type", "default"), scaling.get("factor", 1.0)
    if kind == "linear":  # Chen et al. 2023, arXiv:2306.15595: positions divided by a factor
        return frequencies / factor, 1.0
    if kind == "llama3":
        return _llama3(frequencies, scaling), 1.0
    if kind == "yarn":
        return _yarn(frequencies, scaling, head_size, theta)
    return frequencies, 1.0


def _llama3(frequencies: Array, scaling: dict[str, Any]) -> Array:
    """Slow the frequencies that turn less than once in the original context, as Llama 3.1.

    Llama Team 2024, arXiv:2407.21783; the formula is in Meta's published code.
    """
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    blend = np.clip((turns - low) / (high - low), 0, 1)  # 0: slowed, 1: unchanged
    return blend * frequencies + (1 - blend) * frequencies / scaling["factor"]


def _yarn(
    frequencies: Array, scaling: dict[str, Any], head_size: int, theta: float
) -> tuple[Array, float]:
    """Interpolate by the number of turns: Peng et al. 2023, arXiv:2309.00071, section 3."""
    factor, context = scaling["factor"], scaling["original_max_position_embeddings"]

    def pair_of(n_turns: float) -> float:
        """Return the index, with a fraction, of the pair that turns so often in the context."""
        return head_size * math.log(context / (2 * math.pi * n_turns)) / (2 * math.log(theta))

    low, high = pair_of(scaling.get("beta_fast", 32)), pair_of(scaling.get("beta_slow", 1))
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, head_size - 1)
    width = high - low if high != low else 0.001
    slowed = np.clip((np.arange(head_size // 2) - low) / width, 0, 1)
    attention_factor = scaling.get("attention_factor")
    if attention_factor is None:
        attention_factor = 0.1 * math.log(factor) + 1 if factor > 1 else 1.0
    return slowed * frequencies / factor + (1 - slowed) * frequencies, attention_factor
