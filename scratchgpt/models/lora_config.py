"""Settings of low-rank adapters."""

import math
from dataclasses import dataclass
from typing import Any

from scratchgpt.arguments import check_real, check_whole, plain_fields, real_number
from scratchgpt.errors import UserError

ALL_LINEAR = "all-linear"  # PEFT's word


@dataclass(frozen=True)
class LoRAConfig:
    r"""Settings of the low-rank adapters of a model (Hu et al. 2021, arXiv:2106.09685).

    Parameters
    ----------
    rank : int
        r.
    alpha : float, optional
        The adapters are scaled by alpha / r; by default alpha is such that the scale is 2.
    dropout : float
        Dropout probability of the input of each adapter in training.
    targets : str or sequence of str
        The linear maps with adapters, by the names that PEFT and transformers use for the family of
        the model, such as ``q_proj,v_proj`` or ``c_attn``; a longer name, such as
        ``0.attn.c_proj``, selects fewer. By default all linear maps of the blocks.
    rslora : bool
        Scale by :math:`\alpha / \sqrt r` instead (Kalajdzievski 2023, arXiv:2312.03732), so that
        the size of the change does not depend on the rank.

    Raises
    ------
    UserError
        If a value is out of range.
    """

    rank: int = 8
    alpha: float | None = None
    dropout: float = 0.0
    targets: str | tuple[str, ...] = ALL_LINEAR
    rslora: bool = False

    def __post_init__(self) -> None:
        plain_fields(self)
        check_whole("rank", self.rank, least=1)
        if self.alpha is not None and not 0 < (real_number(self.alpha) or 0) < math.inf:
            raise UserError(f"alpha={self.alpha!r} must be positive and finite")
        if not check_real("dropout", self.dropout, least=0) < 1:
            raise UserError(f"dropout={self.dropout!r} must be less than 1")
        if not isinstance(self.rslora, bool):
            raise UserError(f"rslora={self.rslora!r} must be true or false")
        object.__setattr__(self, "targets", _names(self.targets))

    @property
    def names(self) -> tuple[str, ...]:
        """The targets, one by one."""
        return _names(self.targets)

    @property
    def own_alpha(self) -> float:
        """The given or the default alpha."""
        return 2.0 * self._divisor if self.alpha is None else float(self.alpha)

    @property
    def scale(self) -> float:
        """What the adapters are multiplied by."""
        return self.own_alpha / self._divisor

    @property
    def _divisor(self) -> float:
        return math.sqrt(self.rank) if self.rslora else self.rank


def _names(targets: Any) -> tuple[str, ...]:
    """Return the names in a string, separated by commas, or in a sequence."""
    words = targets.split(",") if isinstance(targets, str) else targets
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise UserError(f"targets={targets!r} must be names, separated by commas")
    names = tuple(filter(None, map(str.strip, words)))
    if not names:
        raise UserError(f"targets={targets!r} names no linear map; leave it out to adapt all")
    return names
