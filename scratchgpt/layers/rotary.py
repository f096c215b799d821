"""Angles of rotary positions, with the scalings that extend the context of a trained model."""

import math
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module, to_device_of

ROPE_TYPES = ("linear", "llama3", "yarn")


class Rotation(NamedTuple):
    """The arguments of :func:`scratchgpt.ops.rotary_forward` after x, for some positions."""

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
    attention_factor : float
        Multiplies cosine and sine, and so the scores by its square; 1 except for YaRN.

    Raises
    ------
    ValueError
        If there is no such ``rope_type``.
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
        pairs = np.arange(0, head_size, 2)  # 2i, on the host
        self.frequencies, self.attention_factor = theta ** (-pairs / head_size), 1.0
        if scaling:
            self.frequencies, self.attention_factor = _scale(
                self.frequencies, scaling, head_size, theta
            )
        if reversed:
            self.frequencies = -self.frequencies
        self.pairing = pairing
        self._copy = self.frequencies  # on the device that was used last

    def at(self, positions: Array, like: Array) -> Rotation:
        """Return the rotation of positions (T,) or (B, T), for arrays like ``like``.

        The angles are computed in float64: at late positions, float32 would round them. Cosine and
        sine are real also if ``like`` is complex.
        """
        xp = array_module(like)
        positions = to_device_of(like, positions)
        if positions.ndim == 2:
            positions = positions[:, None]  # (B, 1, T), for all heads
        if array_module(self._copy) is not xp:  # once, not in each step
            self._copy = xp.asarray(self.frequencies)
        angles = positions[..., None] * self._copy
        cos, sin = np.cos(angles), np.sin(angles)
        cos *= self.attention_factor
        sin *= self.attention_factor
        real = like.real.dtype
        return Rotation(cos.astype(real), sin.astype(real), self.pairing)


def _scale(
    frequencies: Array, scaling: dict[str, Any], head_size: int, theta: float
) -> tuple[Array, float]:
    """Return the scaled frequencies, and the attention factor."""
    kind = scaling["rope_type"]
    if kind == "linear":  # Chen et al. 2023, arXiv:2306.15595: all positions divided by a factor
        return frequencies / scaling["factor"], 1.0
    if kind == "llama3":
        return _llama3(frequencies, scaling), 1.0
    if kind == "yarn":
        return _yarn(frequencies, scaling, head_size, theta)
    raise ValueError(f"rope_type must be one of {', '.join(ROPE_TYPES)}, got {kind!r}")


def _llama3(frequencies: Array, scaling: dict[str, Any]) -> Array:
    """Divide the low frequencies by a factor, keep the high ones, and blend those between them.

    A frequency is low or high by the number of turns that it makes in the original context.

    Llama Team 2024, arXiv:2407.21783; the formula is in Meta's published code.
    """
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    blend = np.clip((turns - low) / (high - low), 0, 1)  # 0: slowed, 1: unchanged
    return blend * frequencies + (1 - blend) * frequencies / scaling["factor"]


def _yarn(
    frequencies: Array, scaling: dict[str, Any], head_size: int, theta: float
) -> tuple[Array, float]:
    """Return the frequencies of YaRN, and its attention factor.

    Peng et al. 2023, arXiv:2309.00071, section 3. As in :func:`_llama3`, the number of turns
    decides. But between low and high frequencies, the blend is linear in the index of the pair.
    """
    factor, context = scaling["factor"], scaling["original_max_position_embeddings"]

    def pair_of(n_turns: float) -> float:
        """Return the index, with a fraction, of the pair that turns so often in the context."""
        return head_size * math.log(context / (2 * math.pi * n_turns)) / (2 * math.log(theta))

    low, high = pair_of(scaling.get("beta_fast") or 32), pair_of(scaling.get("beta_slow") or 1)
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, head_size - 1)
    width = high - low if high != low else 0.001
    pairs = np.arange(head_size // 2)  # on the host
    slowed = np.clip((pairs - low) / width, 0, 1)
    attention_factor = scaling.get("attention_factor")
    if attention_factor is None:
        attention_factor = 0.1 * math.log(max(factor, 1)) + 1  # section 3.4
    return slowed * frequencies / factor + (1 - slowed) * frequencies, float(attention_factor)
