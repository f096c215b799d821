"""A language model together with its tokenizer."""

from dataclasses import dataclass
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.generation import check_tokenizer
from scratchgpt.models import GPT, QuantizedGPT, load_quantized
from scratchgpt.models.hub import find_folder
from scratchgpt.models.pretrained import is_quantized, read_config
from scratchgpt.text import Tokenizer, load_tokenizer


@dataclass(frozen=True)
class LanguageModel:
    """A GPT and the tokenizer that it was trained with.

    Parameters
    ----------
    model : GPT or QuantizedGPT
        A quantized model is dequantized.
    tokenizer : Tokenizer

    Raises
    ------
    UserError
        If the two do not fit together.
    """

    model: GPT
    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        if isinstance(self.model, QuantizedGPT):
            object.__setattr__(self, "model", self.model.dequantize())
        check_tokenizer(self.model, self.tokenizer)

    @classmethod
    def from_pretrained(cls, path_or_name: Path | str) -> "LanguageModel":
        """Load a model and its tokenizer from a folder of a model or run, or from the hub.

        Raises
        ------
        UserError
            If there is no such model, or it is not a language model.
        """
        folder = find_folder(path_or_name)
        config = read_config(folder)
        if config.verb != "generate":
            hint = "; use by='embedding'" if config.verb == "embed" else ""
            raise UserError(
                f"the model in {folder} {config.task}, it does not continue texts{hint}"
            )
        quantized = is_quantized(folder)
        model = load_quantized(folder).dequantize() if quantized else GPT.from_pretrained(folder)
        return cls(model, load_tokenizer(folder))
