"""The configuration of a training run: its data, its model and its training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from scratchgpt.arguments import check_whole, plain, plain_fields, real_number
from scratchgpt.device import check_device
from scratchgpt.errors import UserError
from scratchgpt.models import ModelConfig
from scratchgpt.training.config import TrainConfig

# Unchecked settings, with the names and sections of the configuration file.
Settings = Mapping[str, object]

Config = TypeVar("Config", bound=ModelConfig)

PRESET = "char"


@dataclass(frozen=True)
class RunConfig:
    """The configuration of a training run.

    The defaults are those of a language model. :func:`scratchgpt.recipes.configure` starts from the
    recipe for the task instead, and checks that the settings fit together.

    Parameters
    ----------
    corpus : tuple of str
        Files, folders, globs, ``-`` for standard input, or the name of a corpus. For translation,
        sentence pairs as :func:`scratchgpt.text.read_pairs` reads them, or ``dates``.
    task : str, optional
        Task to train on: addition, addition:3, sort, sort:8:5 or translation. Without a task, a
        language model is trained on the corpus. ``scratchgpt contrastive`` and ``scratchgpt
        finetune`` have tasks of their own.
    tokenizer : str
        characters, bytes, bpe:SIZE or the path of a tokenizer.json.
    val_fraction : float
        Fraction of the corpus that is held out for validation. It is taken from the end.
    preset : str
        Size of the model; ``scratchgpt info`` lists them.
    chat_format : str, optional
        Format of conversations: chatml, qwen3, llama3 or another one in the table of formats;
        without it, that of the model, if it is recognized.
    init : str, optional
        Folder of a model or run to start from; its sizes and its tokenizer are used. The context
        (``block_size``) may be shorter.
    model : dict
        Fields of GPTConfig or TransformerConfig that override the preset.
    method : dict
        Settings of the objective, for tasks that have some: fields of DPOConfig, RewardConfig,
        GRPOConfig or PPOConfig.
    training : TrainConfig
    lora_rank : int
        Rank of low-rank adapters, which are trained instead of the model in init; 0 trains the
        model. See :class:`scratchgpt.models.LoRAConfig`.
    lora_alpha : float, optional
        The adapters are multiplied by lora_alpha / lora_rank; by default this factor is 2.
    lora_dropout : float
        Dropout probability of the input of the adapters.
    lora_targets : str
        The linear maps that get adapters, by their names in PEFT, separated by commas:
        ``q_proj,v_proj`` or ``c_attn``; or all-linear.
    lora_rslora : bool
        Divide lora_alpha by the square root of the rank.
    device : str
        Where to train: cpu, cuda (an NVIDIA GPU, with CuPy), or cuda:1 for the second GPU.

    Raises
    ------
    UserError
        If a value has the wrong type or is out of range; the message names it.
    """

    corpus: tuple[str, ...] = ()
    task: str | None = None
    tokenizer: str = "characters"
    val_fraction: float = 0.1
    preset: str = PRESET
    chat_format: str | None = None
    init: str | None = None
    model: Settings = field(default_factory=dict)
    method: Settings = field(default_factory=dict)
    training: TrainConfig = field(default_factory=TrainConfig)
    lora_rank: int = 0
    lora_alpha: float | None = None
    lora_dropout: float = 0.0
    lora_targets: str = "all-linear"
    lora_rslora: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        plain_fields(self)
        check_device(self.device)
        check_whole("lora_rank", self.lora_rank, least=0)
        for section in ("model", "method"):
            values = {k: plain(v) for k, v in getattr(self, section).items()}
            object.__setattr__(self, section, values)
        if not all(isinstance(word, str) for word in self.corpus):
            raise UserError(f"corpus={list(self.corpus)} must be a string or a list of strings")
        for name in ("task", "tokenizer", "preset", "chat_format", "init"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (
                name in ("task", "chat_format", "init") and value is None
            ):
                raise UserError(f"{name}={value!r} must be a string")
        val_fraction = real_number(self.val_fraction)
        if val_fraction is None or not 0 < val_fraction < 1:
            raise UserError(f"val_fraction={self.val_fraction!r} must be between 0 and 1")

    def model_config(self, kind: type[Config], **of_tokenizer: int) -> Config:
        """Return the configuration of the run's model: the preset, with overridden fields.

        Parameters
        ----------
        kind : type
            GPTConfig or TransformerConfig.
        **of_tokenizer : int
            Fields that the tokenizer determines, if it is already known.

        Raises
        ------
        UserError
            If the settings of the model do not fit together, or do not fit the tokenizer.
        """
        config = kind.from_preset(self.preset, **self.model)
        for name, value in of_tokenizer.items():
            if self.model.get(name, value) != value:
                raise UserError(
                    f"{name}={self.model[name]} does not equal the tokenizer's {value}; leave it "
                    "out"
                )
        return config.replace(**of_tokenizer)
