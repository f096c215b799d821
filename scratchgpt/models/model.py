"""Base class of all models that are trained to predict tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array
from scratchgpt.device import array_library
from scratchgpt.errors import UserError
from scratchgpt.layers import Layer
from scratchgpt.memory import scope
from scratchgpt.models.description import Description
from scratchgpt.models.hub import find_folder
from scratchgpt.models.kinds import describe, kind_of, read_trainable
from scratchgpt.models.lora import LoRA, add_lora, copy_parameters, move_model
from scratchgpt.models.model_config import ModelConfig
from scratchgpt.ops.cross_entropy import CrossEntropySaved, cross_entropy_backward
from scratchgpt.special_ids import SpecialIds

Saved = TypeVar("Saved")  # the saved of the forward pass of a model


class LossSaved(NamedTuple, Generic[Saved]):
    """``saved`` of the loss of a model."""

    model: Saved
    cross_entropy: CrossEntropySaved


class Model(Layer, Generic[Saved]):
    """Base class of models that compute logits (B, T, V) of the next token.

    A subclass has ``__init__(config, *, seed, dtype)``, ``forward``, ``backward`` and ``loss``, and
    a :class:`ModelKind` that saves, loads and describes it.

    Attributes
    ----------
    config : ModelConfig
    special_ids : SpecialIds
        The tokens that begin and end a text, as the folder that the model was loaded from names
        them; none in a new model.
    lora : LoRA or None
        The settings and the frozen parameters of a model with adapters; see
        :func:`scratchgpt.models.add_lora`.
    """

    config: ModelConfig
    special_ids: SpecialIds = SpecialIds()
    lora: LoRA | None = None

    @classmethod
    def blank(cls, config: Any, dtype: Any = np.float32) -> Self:
        """Create a model with all parameters 0, for loading; zeros need no memory until written."""
        make: Any = cls
        model: Self = make(config, seed=None, dtype=dtype)
        return model

    @classmethod
    def from_pretrained(
        cls,
        path_or_name: Path | str,
        *,
        dtype: Any = np.float32,
        dropout: float | None = None,
    ) -> Self:
        """Load a model of this class from a scratchgpt or Hugging Face model directory.

        Hugging Face directories may contain a GPT-1, GPT-2, Llama, Qwen2, Qwen3, Mistral or
        nanochat.

        Parameters
        ----------
        path_or_name : path or str
            A folder of a model or run; or a name like ``openai-community/gpt2``, which is
            downloaded if ``huggingface_hub`` is installed.
        dtype, dropout
            As in :func:`load_pretrained`.

        Raises
        ------
        UserError
            If there is no such model, or scratchgpt does not support it exactly.
        """
        folder = find_folder(path_or_name)
        kind, config = read_trainable(folder, dropout)
        if not issubclass(cls, kind.model):
            raise UserError(
                f"the model in {folder} is not a {cls.__name__}; read it with load_pretrained"
            )
        model: Self = kind.load(folder, config, lambda: cls.blank(config, dtype))
        return model

    def save_pretrained(
        self,
        directory: Path | str,
        *,
        end_of_text: int | Sequence[int] | None = None,
        shard_bytes: int | None = None,
    ) -> None:
        """Write a model directory; see :func:`save_pretrained`."""
        kind_of(self).save(self, Path(directory), end_of_text, shard_bytes)

    @property
    def dtype(self) -> Any:
        return self.store.dtype

    def arrays(self) -> dict[str, Array]:
        """Return the values of all parameters, by name; with adapters, of those trained."""
        return {name: parameter.value for name, parameter in self.store.named.items()}

    def to(self, device: str) -> Self:
        """Move the parameters to a device, in place, and return the model.

        Gradients are discarded. Token ids may stay in host memory; arrays that the model returns
        are on its device, and :func:`scratchgpt.backend.to_host` copies them back.

        Parameters
        ----------
        device : str
            ``cpu``, ``cuda``, or ``cuda:1`` for the second GPU. GPUs need CuPy.

        Raises
        ------
        UserError
            If the device does not work; see :func:`scratchgpt.device.array_library`.
        """
        move_model(self, array_library(device))
        return self

    def astype(self, dtype: Any) -> Self:
        """Return a copy of the model with its parameters in another dtype."""
        return self.with_config(self.config, dtype)

    def with_config(self, config: Any, dtype: Any = None) -> Self:
        """Return a copy with other settings, such as dropout, or with fewer positions.

        The parameters are those of this model; of a longer table, the first rows. The dtype is
        that of this model unless another is given. The copy is in host memory.
        """
        other = self.blank(config, self.dtype if dtype is None else dtype)
        return self._copied(other)

    def _copied(self, other: Self) -> Self:
        """Copy parameters, adapters and special ids to a new model of other settings."""
        other.special_ids = self.special_ids
        if self.lora:
            add_lora(other, self.lora.config, seed=None, folder=self.lora.folder)
        return copy_parameters(self, other)

    def refuse_adapters(self) -> None:
        """Raise UserError if the model has adapters, for what works on plain models only."""
        if self.lora is not None:
            raise UserError("the model has adapters; merge them with merge_lora first")

    @property
    def drops(self) -> bool:
        """Whether there is dropout in training, in the model or in its adapters."""
        return self.config.dropout > 0 or (self.lora is not None and self.lora.config.dropout > 0)

    def describe(self, *, n_batch: int = 1) -> Description:
        """Compute parameters, memory and arithmetic; see :class:`Description`."""
        n_batch = check_whole("n_batch", n_batch, least=1)
        return describe(self.config, n_batch=n_batch, itemsize=self.dtype.itemsize)

    def backward(self, dlogits: Array, saved: Saved) -> None:
        """Add the gradients of all parameters, for an upstream gradient dlogits (B, T, V)."""
        raise NotImplementedError

    def loss_backward(
        self, dloss: float, saved: LossSaved[Saved], *, in_place: bool = False
    ) -> None:
        """Add ``dloss`` times the gradient of the loss to every ``parameter.grad``.

        Parameters
        ----------
        dloss : float
        saved : LossSaved
        in_place : bool
            Overwrite the logits, usually the largest array, with their gradient. Then ``saved``
            can be used for only one backward pass.
        """
        with scope():
            dlogits = cross_entropy_backward(
                dloss,
                saved.cross_entropy,
                dlogits_out=saved.cross_entropy.logits if in_place else None,
            )
            self.backward(dlogits, saved.model)
