"""Operations of the Llama family, which the small model does not have, on arrays of its step."""

from collections.abc import Callable

import numpy as np
from recorded_step import Row, card, run

from scratchgpt.layers import Rotary

ACT, ATTENTION = "h.0.mlp.act", "h.0.attn.attention"


def _activation(op: str) -> Callable[[], tuple[list[Row], str, str]]:
    def rows() -> tuple[list[Row], str, str]:
        a = card(ACT)
        found = run(
            op,
            {"x": ("T F", a["forward", "x"])},
            {"y": "T F"},
            {"dy": ("T F", a["backward", "dy"])},
            {"dx": "T F"},
            {"x": "T F"},
        )
        source = "The input of the activation of the first block, where the model has GELU."
        return found, source, ACT

    return rows


def _gated_product() -> tuple[list[Row], str, str]:
    a = card(ACT)
    x, dy = a["forward", "x"], a["backward", "dy"]
    rows = run(
        "gated_product",
        {"x": ("T 2F", x)},
        {"y": "T F"},
        {"dy": ("T F", dy[:, : dy.shape[1] // 2])},
        {"dx": "T 2F"},
        {"x": "T 2F"},
    )
    source = (
        "The input of the activation of the first block, as if its first half were the gate of the "
        "second. `dy` is the first half of the gradient there."
    )
    return rows, source, ACT


def _rotary() -> tuple[list[Row], str, str]:
    a = card(ATTENTION)
    q = a["forward", "q"]
    cos, sin, _ = Rotary(q.shape[-1], theta=10_000.0).at(np.arange(q.shape[-2]), like=q)
    rows = run(
        "rotary",
        {"x": ("H T D", q), "cos": ("T D/2", cos), "sin": ("T D/2", sin)},
        {"y": "H T D"},
        {"dy": ("H T D", a["backward", "dq"])},
        {"dx": "H T D"},
        {"cos": "T D/2", "sin": "T D/2"},
    )
    source = (
        "The queries of the first block, which the model itself does not rotate, with a base of "
        "10,000; `dy` is their gradient."
    )
    return rows, source, ATTENTION


LLAMA: dict[str, Callable[[], tuple[list[Row], str, str]]] = {
    "gated_product": _gated_product,
    "relu_squared": _activation("relu_squared"),
    "rotary": _rotary,
    "silu": _activation("silu"),
}
