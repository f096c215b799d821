"""Fields of ``config.json``: what each kind of field means in a :class:`GPTConfig`.

Each class reads fields of a file, completed with the defaults of transformers, as settings of
ours, and writes settings as fields.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from scratchgpt.arguments import whole_number
from scratchgpt.errors import UserError
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.limits import MOST_LAYERS
from scratchgpt.models.rope_scaling import HAVE_ORIGINAL

Values = dict[str, Any]


class Field(Protocol):
    """One or more fields of a file that belong together."""

    @property
    def defaults(self) -> Values:
        """The fields, with the values that they have if they are missing in a file."""
        ...

    def read(self, values: Values) -> Values:
        """Convert the fields of a file, completed with the defaults, to settings."""
        ...

    def write(self, config: GPTConfig) -> Values:
        """Convert settings to fields of a file."""
        ...


@dataclass(frozen=True)
class Same:
    """A field with the value of one of our settings, or of several that are equal."""

    theirs: str
    ours: str
    default: Any
    also: tuple[str, ...] = ()  # other settings of ours with the same value

    @property
    def defaults(self) -> Values:
        return {self.theirs: self.default}

    def read(self, values: Values) -> Values:
        return dict.fromkeys((self.ours, *self.also), values[self.theirs])

    def write(self, config: GPTConfig) -> Values:
        value = getattr(config, self.ours)
        if isinstance(self.default, float) and value is not None:
            value = float(value)  # transformers refuses a whole number here
        return {self.theirs: value}


@dataclass(frozen=True)
class Effective(Same):
    """A field that is written with the effective value, if ours is None."""

    def write(self, config: GPTConfig) -> Values:
        return {self.theirs: config.effective()[self.ours]}


@dataclass(frozen=True)
class DividingHeads(Same):
    """The number of heads of a family for which transformers requires it to divide n_embd."""

    def write(self, config: GPTConfig) -> Values:
        if config.n_embd % config.n_head:
            raise UserError(f"n_head={config.n_head} does not divide n_embd={config.n_embd}")
        return super().write(config)


@dataclass(frozen=True)
class Activation:
    """The activation, under a name of transformers."""

    theirs: str
    default: str
    names: dict[str, str] = field(hash=False)  # theirs -> ours

    @property
    def defaults(self) -> Values:
        return {self.theirs: self.default}

    def read(self, values: Values) -> Values:
        name = values[self.theirs]
        if not isinstance(name, str) or name not in self.names:
            raise UserError(f"{self.theirs}={name!r} is not one of {', '.join(self.names)}")
        return {"activation": self.names[name]}

    def write(self, config: GPTConfig) -> Values:
        """Write the first name of the activation; the default if there is none."""
        names = [name for name, ours in self.names.items() if ours == config.activation]
        return {self.theirs: names[0] if names else self.default}


@dataclass(frozen=True)
class Dropouts:
    """Dropout probabilities, which must be equal: ours is one for all layers.

    The fields in ``ours_only`` mean nothing to transformers; if they are missing, they are 0.
    """

    theirs: tuple[str, ...]
    default: float
    ours_only: tuple[str, ...] = ()

    @property
    def defaults(self) -> Values:
        return dict.fromkeys(self.theirs, self.default) | dict.fromkeys(self.ours_only, 0.0)

    def read(self, values: Values) -> Values:
        first, *others = (values[name] for name in self.defaults)
        if any(other != first for other in others):
            listed = ", ".join(f"{name}={values[name]!r}" for name in self.defaults)
            raise UserError(
                f"{listed} differ, but scratchgpt has one dropout probability for all layers; set "
                "it with dropout=, or with scratchgpt import --dropout"
            )
        return {"dropout": first}

    def write(self, config: GPTConfig) -> Values:
        written = (*self.theirs, *(self.ours_only if config.dropout else ()))
        return dict.fromkeys(written, config.dropout)


@dataclass(frozen=True)
class Written:
    """Fields that are only written: the defaults of transformers would mean something else."""

    names: tuple[str, ...]
    defaults: Values = field(default_factory=dict, init=False, hash=False)

    def read(self, values: Values) -> Values:
        return {}

    def write(self, config: GPTConfig) -> Values:
        return dict.fromkeys(self.names)


@dataclass(frozen=True)
class Rope:
    """The rotary frequencies: ``rope_parameters``, or the older ``rope_theta`` and more."""

    @property
    def defaults(self) -> Values:
        return {"rope_parameters": None}

    def read(self, values: Values) -> Values:
        # The order of precedence of transformers.
        given = values.get("rope_scaling") or values["rope_parameters"] or {}
        if not isinstance(given, dict) or any(isinstance(one, dict) for one in given.values()):
            raise UserError(
                f"rope_parameters={given!r} is not supported by scratchgpt, which has the same "
                "frequencies in all layers"
            )
        rope = {name: value for name, value in given.items() if value is not None}
        refuse_changes(rope, "rope_parameters: ")
        rope.pop("partial_rotary_factor", None)
        theta = rope.pop("rope_theta", values.get("rope_theta") or 10000.0)
        older = rope.pop("type", "default")
        rope["rope_type"] = kind = rope.get("rope_type", older)
        if kind == "yarn" and given.get("truncate", True) is None:
            rope["truncate"] = False  # as transformers reads null
        if kind in HAVE_ORIGINAL:
            name = "original_max_position_embeddings"
            context = rope.get(name, values["max_position_embeddings"])
            rope[name] = values.get(name) or context
        return {"rope_theta": theta, "rope_scaling": None if kind == "default" else rope}

    def write(self, config: GPTConfig) -> Values:
        scaling = config.rope_scaling or {"rope_type": "default"}
        return {"rope_parameters": {**scaling, "rope_theta": config.rope_theta}}


@dataclass(frozen=True)
class Window:
    """A sliding window in all layers or those that ``layer_types`` names, as in Mistral's files.

    transformers reads a file with ``layer_types`` as a Ministral, which is otherwise the same.
    """

    @property
    def defaults(self) -> Values:
        return {"sliding_window": 4096, "layer_types": None}

    def read(self, values: Values) -> Values:
        window, layers = values["sliding_window"], sliding_layers(values["layer_types"])
        return {"sliding_window": window, "window_layers": None if window is None else layers}

    def write(self, config: GPTConfig) -> Values:
        return {"sliding_window": config.effective()["sliding_window"]}


@dataclass(frozen=True)
class WindowLayers:
    """The layers that have a sliding window, as in Qwen's files."""

    @property
    def defaults(self) -> Values:
        return {
            **{"use_sliding_window": False, "sliding_window": 4096, "max_window_layers": 28},
            "layer_types": None,
        }

    def read(self, values: Values) -> Values:
        window, types = values["sliding_window"], values["layer_types"]
        if not values["use_sliding_window"] or window is None:
            return {"sliding_window": None, "window_layers": None}
        layers = sliding_layers(types)
        for name in ("max_window_layers", "num_hidden_layers") if layers is None else ():
            if whole_number(values[name]) is None:
                raise UserError(f"{name}={values[name]!r} must be a whole number")
        if layers is None:
            n_layer, first = values["num_hidden_layers"], values["max_window_layers"]
            layers = tuple(i >= first for i in range(min(n_layer, MOST_LAYERS)))
        return {"sliding_window": window, "window_layers": layers}

    def write(self, config: GPTConfig) -> Values:
        windows = [config.window(i) for i in range(config.n_layer)]
        n_full = next((i for i, n in enumerate(windows) if n is not None), config.n_layer)
        names = {True: "full_attention", False: "sliding_attention"}
        return {
            "use_sliding_window": n_full < config.n_layer,
            "sliding_window": config.sliding_window if n_full < config.n_layer else None,
            "max_window_layers": n_full,  # before there were layer_types
            "layer_types": [names[n is None] for n in windows],
        }


def sliding_layers(types: Any) -> tuple[bool, ...] | None:
    """Return whether each layer has a window, from ``layer_types``; None if the file has none."""
    known = {"sliding_attention": True, "full_attention": False}
    if types is None:
        return None
    if not isinstance(types, list | tuple):
        raise UserError(f"layer_types={types!r} must be a list of names")
    for name in types:
        if not isinstance(name, str) or name not in known:
            raise UserError(f"layer_types has {name!r}, which is not one of {', '.join(known)}")
    return tuple(known[name] for name in types)


# Fields that, if set to another value, describe an unsupported model. reorder_and_upcast_attn is
# ignored: it only changes the order of two factors, and the precision of scores in half precision.
UNSUPPORTED: Values = {
    **dict.fromkeys(("add_cross_attention", "is_encoder_decoder", "pruned_heads")),
    **dict.fromkeys(("quantization_config", "num_experts", "num_local_experts")),
    **dict.fromkeys(("n_routed_experts", "rope_interleaved", "transformers_weights")),
    **{"pretraining_tp": 1, "partial_rotary_factor": 1, "is_causal": True},
}


def refuse_changes(values: Values, where: str = "") -> None:
    """Raise UserError if an unsupported field is set; null and false leave most of them unset."""
    for name, neutral in UNSUPPORTED.items():
        value = values.get(name, neutral)
        if value != neutral and (value or neutral is True):
            raise UserError(f"{where}{name}={value!r} is not supported by scratchgpt")
