"""The forms of the small models whose gradients are checked."""

from typing import Any

from scratchgpt.models.families import FAMILIES, form_of

# Each family that rotates positions, with one group of three queries and heads of another size. A
# window, if the family has one, is shorter than the text.
FAMILY_FORMS: dict[str, dict[str, Any]] = {}
for model_type, family in FAMILIES.items():
    if family.settings.get("positions") == "rotary":
        form = {**form_of(model_type), "n_kv_head": 1, "head_dim": 6}
        FAMILY_FORMS[model_type] = form | (
            {"sliding_window": 3} if form.get("sliding_window") else {}
        )
# Forms of a small GPT. No two of its sizes are equal.
FORMS: dict[str, dict[str, Any]] = {
    "GPT-2": {},
    "GPT-1": {"norm_position": "post"},
    "untied, no bias": {"tied_head": False, "bias": False},
    "exact GELU": {"activation": "gelu"},
    **FAMILY_FORMS,
}
_widths = {"n_head": 3, "n_embd": 12, "n_inner": 10, "block_size": 7, "vocab_size": 13}
SMALL: dict[str, Any] = {"n_layer": 2, "dropout": 0.2, **_widths}
# Forms of a small encoder-decoder Transformer. Its source ends in padding.
TRANSFORMER_FORMS: dict[str, dict[str, Any]] = {
    "as in the paper": {},
    "pre-LN, GELU": {"norm_position": "pre", "activation": "gelu"},
    "nothing shared, learned positions": {
        "shared_embeddings": False,
        "tied_head": False,
        "positions": "learned",
    },
}
SMALL_TRANSFORMER: dict[str, Any] = {
    "n_encoder_layer": 2,
    "n_decoder_layer": 3,
    "dropout": 0.2,
    "padding_id": 0,
    **_widths,
}
MODELS = {"gpt": FORMS, "transformer": TRANSFORMER_FORMS}
