"""Operations that are not a part of the small model, run on arrays of its step."""

from collections.abc import Callable
from functools import cache

import numpy as np
from llama_examples import LLAMA
from recorded_step import Row, card, run, steps

from scratchgpt import kernels, ops

LENGTHS = np.array([4, 7, 13])  # the beginnings of the text that are pooled
DROPOUT_P, DROPOUT_SEED = 0.1, 3
CAP = 15.0


def _softmax() -> tuple[list[Row], str, str]:
    place = "h.0.attn.attention"
    a = card(place)
    rows = run(
        "softmax",
        {"x": ("H T T", a["forward", "S"])},
        {"y": "H T T"},
        {"dy": ("H T T", a["backward", "dP"])},
        {"dx": "H T T"},
        {"y": "H T T"},
    )
    return rows, "The scores of the attention of the first block; `dy` is its dP.", place


def _log_softmax() -> tuple[list[Row], str, str]:
    a = card("cross_entropy")
    targets = steps()[0].targets
    dy = np.zeros_like(a["forward", "logits"])
    counted = np.flatnonzero(targets >= 0)
    dy[counted, targets[counted]] = -1 / len(counted)
    rows = run(
        "log_softmax",
        {"x": ("T V", a["forward", "logits"])},
        {"y": "T V"},
        {"dy": ("T V", dy)},
        {"dx": "T V"},
        {"y": "T V"},
    )
    source = (
        "The logits of the step. `dy` is the slope of the loss with respect to the logarithms: "
        "minus one over the number of positions that count, at each target. So `dx` is the "
        "`dlogits` of {doc}`cross_entropy`."
    )
    return rows, source, "cross_entropy"


def _relu() -> tuple[list[Row], str, str]:
    place = "h.0.mlp.act"
    a = card(place)
    rows = run(
        "relu",
        {"x": ("T F", a["forward", "x"])},
        {"y": "T F"},
        {"dy": ("T F", a["backward", "dy"])},
        {"dx": "T F"},
        {"x": "T F"},
    )
    return rows, "The input of the activation of the first block, where the model has GELU.", place


def _dropout() -> tuple[list[Row], str, str]:
    place = "h.0.attn.c_proj"
    a = card(place)
    rows = run(
        "dropout",
        {"x": ("T C", a["forward", "y"])},
        {"y": "T C"},
        {"dy": ("T C", a["backward", "dy"])},
        {"dx": "T C"},
        {},
        p=DROPOUT_P,
        seed=DROPOUT_SEED,
    )
    source = (
        f"The output of the attention of the first block, with p = {DROPOUT_P} and the seed "
        f"{DROPOUT_SEED}. The model itself is trained without dropout."
    )
    return rows, source, place


def _broadcast() -> tuple[list[Row], str, str]:
    place = "h.0.attn.c_attn"
    a = card(place)
    dy = a["backward", "dy"]
    rows = run(
        "broadcast",
        {"x": ("3C", a["forward", "bias"])},
        {"y": "T 3C"},
        {"dy": ("T 3C", dy)},
        {"dx": "3C"},
        {},
        shape=dy.shape,
    )
    source = "The bias of the map to queries, keys and values, which each position gets."
    return rows, source, f"{place}/backward/dbias"


def _residual_layer_norm() -> tuple[list[Row], str, str]:
    place = "h.0.mlp.norm"
    a, total = card(place), card("h.0.attn.residual")
    rows = run(
        "residual_layer_norm",
        {
            "x": ("T C", total["forward", "x"]),
            "branch": ("T C", total["forward", "branch"]),
            "weight": ("C", a["forward", "weight"]),
            "bias": ("C", a["forward", "bias"]),
        },
        {"y": "T C", "n": "T C"},
        {"dy": ("T C", a["backward", "past the branch"]), "dn": ("T C", a["backward", "dy"])},
        {"dx": "T C", "dbranch": "T C", "dweight": "C", "dbias": "C"},
        {"norm.x": "T C", "norm.mean": "T 1", "norm.rstd": "T 1"},
    )
    return rows, "The first sum of the first block, and the norm after it.", place


def _rms_norm() -> tuple[list[Row], str, str]:
    place = "h.0.attn.norm"
    a = card(place)
    rows = run(
        "rms_norm",
        {"x": ("T C", a["forward", "x"]), "weight": ("C", a["forward", "weight"])},
        {"y": "T C"},
        {"dy": ("T C", a["backward", "dy"])},
        {"dx": "T C", "dweight": "C"},
        {"x": "T C", "weight": "C", "rstd": "T 1"},
    )
    return rows, "The input of the first norm, which is a layer norm in the model.", place


def _residual_rms_norm() -> tuple[list[Row], str, str]:
    place = "h.0.mlp.norm"
    a, total = card(place), card("h.0.attn.residual")
    rows = run(
        "residual_rms_norm",
        {
            "x": ("T C", total["forward", "x"]),
            "branch": ("T C", total["forward", "branch"]),
            "weight": ("C", a["forward", "weight"]),
        },
        {"y": "T C", "n": "T C"},
        {"dy": ("T C", a["backward", "past the branch"]), "dn": ("T C", a["backward", "dy"])},
        {"dx": "T C", "dbranch": "T C", "dweight": "C"},
        {"norm.x": "T C", "norm.rstd": "T 1"},
    )
    source = "The first sum of the first block, and the norm after it, a layer norm in the model."
    return rows, source, place


def _soft_cap() -> tuple[list[Row], str, str]:
    a = card("cross_entropy")
    rows = run(
        "soft_cap",
        {"x": ("T V", a["forward", "logits"])},
        {"y": "T V"},
        {"dy": ("T V", a["backward", "dlogits"])},
        {"dx": "T V"},
        {"y": "T V"},
        cap=CAP,
    )
    source = (
        f"The logits of the step, with a cap of {CAP:g}. The model itself has none, so `dy` is the "
        "gradient of its loss."
    )
    return rows, source, "cross_entropy"


@cache
def _pooled() -> dict[str, list[Row]]:
    """Encode three beginnings of the text in two ways, and train each to find the other."""
    states = card("ln_f")["forward", "y"]
    x = np.broadcast_to(states, (len(LENGTHS), *states.shape)).copy()
    log_scale = np.zeros(1, np.float32)
    with kernels.disabled():
        means, _ = ops.mean_pool_forward(x, LENGTHS)
        lasts, _ = ops.last_pool_forward(x, LENGTHS)
        (q, q_saved), (d, d_saved) = ops.unit_forward(means), ops.unit_forward(lasts)
        _, saved = ops.contrastive_forward(q, d, log_scale)
        dq, dd, _ = ops.contrastive_backward(1.0, saved)
        dmeans, dlasts = ops.unit_backward(dq, q_saved), ops.unit_backward(dd, d_saved)
    pooling = {"x": ("B T C", x), "lengths": ("B", LENGTHS)}
    vectors, one = {"y": "B C"}, np.float32(1)
    return {
        "mean_pool": run(
            "mean_pool",
            pooling,
            vectors,
            {"dy": ("B C", dmeans)},
            {"dx": "B T C"},
            {"lengths": "B"},
        ),
        "last_pool": run(
            "last_pool",
            pooling,
            vectors,
            {"dy": ("B C", dlasts)},
            {"dx": "B T C"},
            {"lengths": "B"},
        ),
        "unit": run(
            "unit",
            {"x": ("B C", means)},
            vectors,
            {"dy": ("B C", dq)},
            {"dx": "B C"},
            {"y": "B C", "length": "B 1"},
        ),
        "contrastive": run(
            "contrastive",
            {"queries": ("M C", q), "documents": ("M C", d), "log_scale": ("1", log_scale)},
            {"loss": ""},
            {"dloss": ("", one)},
            {"dqueries": "M C", "ddocuments": "M C", "dlog_scale": "1"},
            {"queries": "M C", "documents": "M C", "row_lse": "M", "column_lse": "M"},
        ),
    }


ENCODED = (
    "Under the causal mask, the states of a beginning of the text are the first states of the "
    "text. So three beginnings, of 4, 7 and 13 tokens, are three texts here. "
)
POOLED = {
    "mean_pool": "`dy` is the gradient of the {doc}`contrastive` loss through {doc}`unit`.",
    "last_pool": "`dy` is the gradient of the {doc}`contrastive` loss through {doc}`unit`.",
    "unit": "`x` is their mean, and `dy` the gradient of the {doc}`contrastive` loss.",
    "contrastive": "The mean of each, as a query, has to find its own last state, as a document.",
}


def _of_pooling(op: str) -> Callable[[], tuple[list[Row], str, str]]:
    return lambda: (_pooled()[op], ENCODED + POOLED[op], "ln_f")


OTHERS: dict[str, Callable[[], tuple[list[Row], str, str]]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "relu": _relu,
    "dropout": _dropout,
    "broadcast": _broadcast,
    "residual_layer_norm": _residual_layer_norm,
    "residual_rms_norm": _residual_rms_norm,
    "rms_norm": _rms_norm,
    "soft_cap": _soft_cap,
    **LLAMA,
    **{op: _of_pooling(op) for op in POOLED},
}
