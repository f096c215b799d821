"""GPT-1 and GPT-2 in Hugging Face's ``transformers`` format: configuration and parameter names.

Each field of a ``config.json`` that changes logits or gradients is either supported or rejected by
name. Names and layouts of GPT-2's parameters are the same here; GPT-1 differs only in the names of
the two embedding tables.
"""

import re
from typing import Any, NamedTuple

from scratchgpt.errors import UserError
from scratchgpt.models.config import GPTConfig


class Family(NamedTuple):
    """A ``model_type`` of transformers."""

    architectures: tuple[str, ...]  # with a language-model head, and without; others have extras
    norm_position: str
    activation_field: str
    activations: dict[str, str]  # their name -> ours; writing uses the first with a given value
    defaults: dict[str, Any]  # of fields that are missing in a config.json
    names: dict[str, str]  # theirs -> ours below ``transformer.``, for names that differ


_GELU_TANH = dict.fromkeys(
    ("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"), "gelu_tanh"
)
_ONLY_GPT2: dict[str, Any] = {
    "n_inner": None,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
}
_DEFAULTS = {
    **{"n_layer": 12, "n_head": 12, "n_embd": 768, "layer_norm_epsilon": 1e-5},
    **{"attn_pdrop": 0.1, "embd_pdrop": 0.1, "resid_pdrop": 0.1, "tie_word_embeddings": True},
}
FAMILIES = {
    "gpt2": Family(
        ("GPT2LMHeadModel", "GPT2Model"),
        "pre",
        "activation_function",
        {**_GELU_TANH, "gelu": "gelu", "gelu_python": "gelu", "relu": "relu"},
        {
            **_DEFAULTS,
            **{"n_positions": 1024, "vocab_size": 50257, "activation_function": "gelu_new"},
            **_ONLY_GPT2,
        },
        {},
    ),
    "openai-gpt": Family(
        ("OpenAIGPTLMHeadModel", "OpenAIGPTModel"),
        "post",
        "afn",
        {"gelu": "gelu_tanh", "relu": "relu"},  # its gelu is the tanh approximation
        {**_DEFAULTS, "n_positions": 512, "vocab_size": 40478, "afn": "gelu"},
        {"tokens_embed.weight": "wte.weight", "positions_embed.weight": "wpe.weight"},
    ),
}
# Aliases that transformers accepts.
_ALIASES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}
# Fields that, if set, describe an unsupported model. reorder_and_upcast_attn is ignored: it only
# changes the order of two factors, and the precision of scores in half precision.
_REFUSED = ("add_cross_attention", "is_encoder_decoder", "pruned_heads", "quantization_config")
_DROPOUTS = ("attn_pdrop", "embd_pdrop", "resid_pdrop")

_BUFFER = re.compile(r"h\.\d+\.attn\.(masked_)?bias|position_ids")  # masks in old checkpoints
_OUR_NAMES = {theirs: ours for family in FAMILIES.values() for theirs, ours in family.names.items()}
_BODY = "transformer."


def read_family(values: dict[str, Any], dropout: float | None = None) -> GPTConfig:
    """Convert the ``config.json`` of one of the families to a configuration.

    Parameters
    ----------
    values : dict
        The content of ``config.json``.
    dropout : float, optional
        Overrides the three dropout probabilities of the file.

    Raises
    ------
    UserError
        If the file describes another kind of model, or an unsupported option.
    """
    family = FAMILIES[values["model_type"]]
    named = values.get("architectures") or ()
    for architecture in (named,) if isinstance(named, str) else named:
        if architecture not in family.architectures:
            raise UserError(
                f"architectures names {architecture!r}, which has other parts; scratchgpt reads "
                f"{' and '.join(family.architectures)}"
            )
    for name in _REFUSED:
        if values.get(name):
            raise UserError(f"{name}={values[name]!r} is not supported by scratchgpt")
    given = {_ALIASES.get(name, name): value for name, value in values.items()}
    full = {**family.defaults, **{k: v for k, v in given.items() if k in family.defaults}}

    activation = full[family.activation_field]
    if activation not in family.activations:
        raise UserError(
            f"{family.activation_field}={activation!r} is not one of "
            f"{', '.join(family.activations)}"
        )
    return GPTConfig(
        n_layer=full["n_layer"],
        n_head=full["n_head"],
        n_embd=full["n_embd"],
        block_size=full["n_positions"],
        vocab_size=full["vocab_size"],
        dropout=_one_dropout(full) if dropout is None else dropout,
        norm_position=family.norm_position,
        activation=family.activations[activation],
        tied_head=full["tie_word_embeddings"],
        n_inner=full.get("n_inner"),
        layer_norm_epsilon=full["layer_norm_epsilon"],
        scale_attn_weights=full.get("scale_attn_weights", True),
        scale_attn_by_inverse_layer_idx=full.get("scale_attn_by_inverse_layer_idx", False),
    )


def _one_dropout(values: dict[str, Any]) -> float:
    first, *others = (values[name] for name in _DROPOUTS)
    if any(other != first for other in others):
        listed = ", ".join(f"{name}={values[name]!r}" for name in _DROPOUTS)
        raise UserError(
            f"{listed} differ, but scratchgpt has one dropout probability for all layers; set it "
            "with dropout=, or with scratchgpt import --dropout"
        )
    return first


def obstacle(config: GPTConfig) -> str | None:
    """Return the field that neither family supports, as ``name=value``; None if there is none."""
    if not config.bias:
        return "bias=False"
    family = FAMILIES[_family_of(config)]
    if config.activation not in family.activations.values():
        return f"activation={config.activation!r}"
    for name, default in _ONLY_GPT2.items():
        value = getattr(config, name)
        own = 4 * config.n_embd if name == "n_inner" else default
        if name not in family.defaults and value not in (default, own):
            return f"{name}={value!r}"
    return None


def write_family(config: GPTConfig) -> dict[str, Any]:
    """Create the ``config.json`` of a model that has no :func:`obstacle`."""
    model_type = _family_of(config)
    family = FAMILIES[model_type]
    theirs = {ours: name for name, ours in reversed(family.activations.items())}
    return {
        "architectures": [family.architectures[0]],
        "model_type": model_type,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_embd": config.n_embd,
        "n_positions": config.block_size,
        "vocab_size": config.vocab_size,
        family.activation_field: theirs[config.activation],
        "layer_norm_epsilon": config.layer_norm_epsilon,
        **dict.fromkeys(_DROPOUTS, config.dropout),
        "tie_word_embeddings": config.tied_head,
        "bos_token_id": None,
        "eos_token_id": None,
        **{name: getattr(config, name) for name in _ONLY_GPT2 if name in family.defaults},
    }


def _family_of(config: GPTConfig) -> str:
    return next(name for name, f in FAMILIES.items() if f.norm_position == config.norm_position)


def parameter_name(stored: str) -> str | None:
    """Convert the name of an array in a file to ours; None for a buffer, not a parameter.

    In files of models without a head, like the published ones, ``transformer.`` is missing.
    """
    if stored.startswith("lm_head."):
        return stored
    name = stored.removeprefix(_BODY)
    return None if _BUFFER.fullmatch(name) else _BODY + _OUR_NAMES.get(name, name)


def stored_name(name: str, model_type: str) -> str:
    """Convert our name of a parameter to the name in a file of ``model_type``."""
    if model_type in FAMILIES:
        for theirs, ours in FAMILIES[model_type].names.items():
            if name == _BODY + ours:
                return _BODY + theirs
    return name
