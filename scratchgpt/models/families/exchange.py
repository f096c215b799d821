"""Conversion of configurations and parameters between ours and those of a family."""

from typing import Any

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.families.fields import Dropouts, refuse_changes
from scratchgpt.models.families.names import Names
from scratchgpt.models.families.table import ALIASES, FAMILIES, Family

_SIZES = {
    *("n_layer", "n_head", "n_kv_head", "n_embd", "head_dim", "n_inner"),
    *("block_size", "vocab_size", "dropout"),
}


def read_family(values: dict[str, Any], dropout: float | None = None) -> GPTConfig:
    """Convert the ``config.json`` of one of the families to a configuration.

    Parameters
    ----------
    values : dict
        The content of ``config.json``.
    dropout : float, optional
        Overrides the dropout probabilities of the file.

    Raises
    ------
    UserError
        If the file describes another kind of model, or an unsupported option.
    """
    family = FAMILIES[values["model_type"]]
    named = values.get("architectures") or ()
    named = (named,) if isinstance(named, str) else tuple(named)
    for architecture in named:
        if architecture not in family.architectures:
            raise UserError(
                f"architectures names {architecture!r}, which has other parts; scratchgpt reads "
                f"{' and '.join(family.architectures)}"
            )
    refuse_changes(values)
    settings = _read(family, values, dropout)
    if named == family.architectures[1:]:  # without a head, the model gets the tied one
        settings["tied_head"] = True
    return GPTConfig(**settings)


def _read(family: Family, values: dict[str, Any], dropout: float | None = None) -> dict[str, Any]:
    """Return the settings in the fields of a file."""
    full = {**family.defaults, **values}
    for name, own in ALIASES.items():
        if name in values and name not in family.defaults:
            full[own] = values[name]  # in transformers, too, it wins over the family's own name
    settings = dict(family.settings)
    for one in family.fields:
        if dropout is not None and isinstance(one, Dropouts):
            settings["dropout"] = dropout
        else:
            settings |= one.read(full)
    return settings


def form_of(model_type: str) -> dict[str, Any]:
    """Return the settings of a family apart from its sizes, as its models have them by default."""
    return {k: v for k, v in _read(FAMILIES[model_type], {}).items() if k not in _SIZES}


def write_family(config: GPTConfig) -> dict[str, Any]:
    """Create the ``config.json`` of a model that has no :func:`obstacle`."""
    model_type = _nearest(config)[0]
    family = FAMILIES[model_type]
    head = {"architectures": [family.architectures[0]], "model_type": model_type}
    return {**head, **_write(family, config)}


def _write(family: Family, config: GPTConfig) -> dict[str, Any]:
    return {name: value for one in family.fields for name, value in one.write(config).items()}


def obstacle(config: GPTConfig) -> str | None:
    """Return the setting that the nearest family does not support, as ``name=value``.

    None means that a family computes the same: what would be written is read as the same settings.
    """
    _, differing = _nearest(config)
    return f"{differing[0]}={getattr(config, differing[0])!r}" if differing else None


def _nearest(config: GPTConfig) -> tuple[str, list[str]]:
    """Return the nearest family, and the settings that it does not support."""
    candidates, effective = [], config.effective()
    for model_type, family in FAMILIES.items():
        fixed = [name for name, value in family.settings.items() if value != effective[name]]
        others = [name for name in _not_written(family, config) if name not in fixed]
        candidates.append((model_type, fixed, others))
    model_type, fixed, others = min(candidates, key=lambda one: (len(one[1]), len(one[2])))
    return model_type, fixed + others


def _not_written(family: Family, config: GPTConfig) -> list[str]:
    """Return the settings that differ after writing and reading."""
    try:
        again = GPTConfig(**_read(family, _write(family, config))).effective()
    except UserError:  # the family has no heads of this size
        return ["head_dim"]
    return [name for name, value in config.effective().items() if again[name] != value]


def names_of(model_type: str) -> Names:
    """Return the names of a family; a ``model_type`` of ours has GPT-2's."""
    return FAMILIES.get(model_type, FAMILIES["gpt2"]).names


def their_arrays(arrays: dict[str, Array], config: GPTConfig, model_type: str) -> dict[str, Array]:
    """Return arrays with our names and layouts as views with those of a family.

    Parameters
    ----------
    arrays : dict of str to array
        The parameters of a GPT, or their gradients.
    config : GPTConfig
    model_type : str
    """
    names = names_of(model_type)
    return dict(view for name, array in arrays.items() for view in names.views(name, array, config))


def their_name(stored: str, model_type: str) -> str | None:
    """Return the full name of an array in a file of a family; None if it is not a parameter."""
    return names_of(model_type).stored(stored)


def table_name(model_type: str) -> str:
    """Return the name of the token embedding in the files of a family."""
    names = names_of(model_type)
    return f"{names.body}{names.parts('wte')[0][0]}.weight"
