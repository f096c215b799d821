"""The base class of model configurations: frozen dataclasses that reject invalid values."""

import math
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from typing import Any, ClassVar, Self

from scratchgpt.arguments import plain_fields, real_number, whole_number
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.models.presets import find_preset

OPTIONAL_SIZES = ("n_inner", "source_vocab_size", "n_kv_head", "head_dim", "sliding_window")
LARGEST = (1 << 31) - 1  # any size, so that the cost of every model can be computed


class ModelConfig:
    """Base class of the model configurations, which are frozen dataclasses.

    Attributes
    ----------
    kind : str
        Name of this kind of model in messages.
    preset_kind : str, optional
        The kind of the presets whose sizes the model can have; by default its own.
    task : str
        What a model of this kind does, for messages; for instance "translates".
    verb : str
        The command that does it; for instance ``scratchgpt translate``.
    """

    kind: ClassVar[str]
    preset_kind: ClassVar[str | None] = None
    task: ClassVar[str]
    verb: ClassVar[str]

    block_size: int
    vocab_size: int
    n_head: int
    n_embd: int
    n_inner: int | None
    dropout: float
    layer_norm_epsilon: float

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the fields."""
        return [field.name for field in fields(cls)]  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Create a configuration from a dict; raise UserError for an unknown name."""
        names = cls.names()
        for name in values:
            if name not in names:
                raise UserError(f"unknown model setting {name!r}{did_you_mean(name, names)}")
        return cls(**values)

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> Self:
        """Create a configuration of a named size: ``from_preset("gpt2", dropout=0.1)``.

        The other arguments override fields of the preset.

        Raises
        ------
        UserError
            If there is no such preset or field; the message suggests the nearest name.
        """
        return cls.from_dict({**find_preset(name, cls.preset_kind or cls.kind).fields, **changes})

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[type-var]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload]

    def stored_fields(self) -> dict[str, Any]:
        """Return the fields for a file."""
        return self.as_dict()

    @property
    def head_size(self) -> int:
        """Channels of one attention head, D."""
        return self.n_embd // self.n_head

    @property
    def inner_size(self) -> int:
        """Width of the feed-forward layer, F."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    @property
    def layer_counts(self) -> dict[str, int]:
        """The fields that count layers, ``n_layer`` for instance, with their values."""
        return {name: n for name, n in self.as_dict().items() if name.endswith("_layer")}

    def check_length(self, n_tokens: int) -> None:
        """Raise ValueError if a text is longer than the context.

        Raises
        ------
        ValueError
            If ``n_tokens`` exceeds block_size.
        """
        if n_tokens > self.block_size:
            raise ValueError(
                f"{n_tokens} tokens are more than the model's block_size of {self.block_size}"
            )

    def fits_vocabulary(self, n_tokens: int) -> bool:
        """Whether the model fits a tokenizer of ``n_tokens`` tokens."""
        return n_tokens == self.vocab_size

    def _check(
        self,
        *,
        sizes: Iterable[str],
        switches: Iterable[str],
        choices: dict[str, Iterable[str]],
    ) -> None:
        """Raise UserError if a value is out of range; store NumPy numbers as Python's."""
        plain_fields(self)
        for name in sizes:
            value = getattr(self, name)
            if value is None and name in OPTIONAL_SIZES:
                continue
            if not 1 <= (whole_number(value) or 0) <= LARGEST:
                raise UserError(
                    f"{name}={value!r} must be a positive whole number, at most {LARGEST:,}"
                )
        for name in switches:
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"{name}={getattr(self, name)!r} must be true or false")
        if self.n_embd % self.n_head and getattr(self, "head_dim", None) is None:
            raise UserError(
                f"n_embd={self.n_embd} is not divisible by n_head={self.n_head}; "
                f"choose a multiple of {self.n_head}"
            )
        dropout = real_number(self.dropout)
        if dropout is None or not 0 <= dropout < 1:
            raise UserError(f"dropout={self.dropout!r} must be at least 0 and less than 1")
        epsilon = real_number(self.layer_norm_epsilon)
        if epsilon is None or not 0 < epsilon < math.inf:
            raise UserError(
                f"layer_norm_epsilon={self.layer_norm_epsilon!r} must be positive and finite"
            )
        for name, known in choices.items():
            value = str(getattr(self, name))
            if value not in known:
                raise UserError(
                    f"{name}={getattr(self, name)!r} is not one of {', '.join(known)}"
                    f"{did_you_mean(value, known)}"
                )
