"""What a training run is made of: a TOML file, and what stands over it."""

import contextlib
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.files import write_text
from scratchgpt.generation import fits_vocabulary
from scratchgpt.models import GPTConfig, TransformerConfig
from scratchgpt.models.pretrained import read_config
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.recipes.registry import TRANSLATION, check_data, chosen_data, recipe
from scratchgpt.training.config import TrainConfig

CONFIG_FILE = "config.toml"
PRESET = "char"

# Fields of a model that follow from its tokenizer, also on other text.
FROM_TOKENIZER = ("vocab_size", "source_vocab_size", "padding_id")


@dataclass(frozen=True)
class RunConfig:
    """A training run. Either ``corpus`` or ``task`` is given; for translation both.

    Attributes
    ----------
    corpus : tuple of str
        Files, folders, globs, ``-``, or the name of a known corpus; for translation sentence
        pairs as :func:`scratchgpt.text.read_pairs` reads them, or ``dates``.
    task : str, optional
        A generated task with exact answers, ``addition`` or ``sort``; or ``translation``.
    tokenizer : str
        ``characters``, ``bytes``, ``bpe:SIZE``, or the path of a tokenizer.json.
    val_fraction : float
        How much of the corpus, its end, is kept for validation.
    preset : str
    init : str, optional
        Folder of the model, or of the run, that training starts from; its sizes are those of this
        run, except for a shorter context, and so is its tokenizer.
    model : dict
        Fields of GPTConfig (or TransformerConfig) that differ from the preset.
    training : TrainConfig
    """

    corpus: tuple[str, ...] = ()
    task: str | None = None
    tokenizer: str = "characters"
    val_fraction: float = 0.1
    preset: str = PRESET
    init: str | None = None
    model: dict[str, Any] = field(default_factory=dict)
    training: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        if not all(isinstance(word, str) for word in self.corpus):
            raise UserError(f"corpus={list(self.corpus)} must be a string or a list of strings")
        for name in ("task", "tokenizer", "preset", "init"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (name in ("task", "init") and value is None):
                raise UserError(f"{name}={value!r} must be a string")
        check_data(self.task, self.corpus)
        if not (isinstance(self.val_fraction, int | float) and 0 < self.val_fraction < 1):
            raise UserError(f"val_fraction={self.val_fraction!r} must be between 0 and 1")
        self.model_config()

    def model_config(self, **of_tokenizer: int) -> GPTConfig | TransformerConfig:
        """The model, with what follows from its tokenizer where that is known by now."""
        if self.init is not None:
            return self._initial_config(self.init, **of_tokenizer)
        kind = TransformerConfig if self.task == TRANSLATION else GPTConfig
        config = kind.from_preset(self.preset, **self.model)
        for name, value in of_tokenizer.items():
            if self.model.get(name, value) != value:
                raise UserError(
                    f"{name}={self.model[name]} is not the tokenizer's {value}; leave it out"
                )
        return config.replace(**of_tokenizer)

    def _initial_config(self, init: str, vocab_size: int | None = None) -> GPTConfig:
        """The model that training starts from, with the changes that it allows."""
        config = read_config(find_model(Path(init)))
        if self.task == TRANSLATION or not isinstance(config, GPTConfig):
            raise UserError(f"init={init!r}: training starts from a GPT only, not to translate")
        if self.preset != PRESET:
            raise UserError(f"the model in {init} has its own sizes; leave out preset")
        if vocab_size is not None and not fits_vocabulary(vocab_size, config.vocab_size):
            raise UserError(
                f"the tokenizer has {vocab_size} tokens but the model in {init} "
                f"{config.vocab_size}; take the one that was saved with it"
            )
        changed = GPTConfig.from_dict({**config.as_dict(), **self.model})
        allowed = config.replace(
            dropout=changed.dropout, block_size=min(changed.block_size, config.block_size)
        )
        for name, value in changed.as_dict().items():
            if value != getattr(allowed, name):
                raise UserError(
                    f"{name}={value!r} does not fit the model in {init}, which has "
                    f"{getattr(config, name)!r}; leave it out"
                )
        return changed

    def merged(self, values: dict[str, Any], where: str) -> "RunConfig":
        """The same with some settings changed, by their names in the TOML file.

        Raises
        ------
        UserError
            If there is no such setting; says where it stood and suggests the nearest.
        """
        names = [f.name for f in fields(self)]
        changes = dict(values)
        for name in changes:
            if name not in names:
                raise UserError(
                    f"unknown setting {name!r} in {where}"
                    f"{did_you_mean(name, names) or '; the settings are ' + ', '.join(names)}"
                )
        for section in ("model", "training"):
            if not isinstance(changes.get(section, {}), dict):
                raise UserError(f"{section} in {where} must be a section, [{section}]")
        changes["task"], changes["corpus"] = chosen_data(self.task, self.corpus, values)
        changes["model"] = {**self.model, **changes.get("model", {})}
        training = changes.get("training", {})
        changes["training"] = TrainConfig.from_dict({**asdict(self.training), **training})
        return replace(self, **changes)


def starting_run(*layers: dict[str, Any]) -> RunConfig:
    """What a run starts from: the recipe for its task, which the settings in the layers decide."""
    task: Any = None
    corpus: tuple[Any, ...] = ()
    for values in layers:
        task, corpus = chosen_data(task, corpus, values)
    values = dict(recipe(task, corpus))
    init = next((v["init"] for v in reversed(layers) if v.get("init") is not None), None)
    if isinstance(init, str):
        values |= {"init": init, "tokenizer": str(find_model(Path(init)))}
    training = TrainConfig.from_dict(values.pop("training", {}))
    return RunConfig(task=task, corpus=corpus, training=training, **values)


def read_run_config(path: Path) -> RunConfig:
    """The run that the file in its folder describes.

    One that started from a model takes sizes and tokenizer from its own checkpoint, where there is
    one: what it started from need not be there any more.
    """
    values = read_settings(path)
    if "init" in values:
        with contextlib.suppress(UserError):
            own = str(find_model(path.parent, "last"))
            values |= {"init": own, "tokenizer": own}
    return starting_run(values).merged(values, str(path))


def read_settings(path: Path) -> dict[str, Any]:
    """What a TOML file says."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise UserError(f"{path} is not a TOML file: {error}") from error


def write_run_config(
    config: RunConfig,
    model: GPTConfig | TransformerConfig,
    path: Path,
    *,
    resumed: bool = False,
) -> None:
    """Write the whole configuration, every default resolved, so that it can be run again.

    The size of the vocabulary is left out: it is that of the tokenizer, also on other text. Of a
    run that is resumed, what it started from stays as it was told, see :func:`read_run_config`.
    """
    import tomli_w

    fields_of_model = model.as_dict().items()
    own = {name: value for name, value in fields_of_model if name not in FROM_TOKENIZER}
    values = {**asdict(config), "model": own}
    if config.init is not None and resumed:
        before = read_settings(path)
        values |= {name: before[name] for name in ("init", "tokenizer") if name in before}
    text = "# Every setting of this run. To run it again: scratchgpt train --config THIS_FILE\n"
    write_text(path, text + tomli_w.dumps(_without_none(values)))


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: what is not set is left out."""
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }
