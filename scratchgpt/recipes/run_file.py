"""The configuration file in the folder of a run: every setting, with defaults filled in."""

from dataclasses import asdict
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.files import write_text
from scratchgpt.models import ModelConfig
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.paths import make_absolute
from scratchgpt.structured import read_toml

CONFIG_FILE = "config.toml"

# Fields of a model that its tokenizer or its data determines, so that the file can be used for
# other data.
FROM_DATA = (
    *("vocab_size", "source_vocab_size", "padding_id"),
    *("problem", "labels", "center", "spread"),
)


def read_settings(path: Path) -> dict[str, object]:
    """Read the settings in a TOML file.

    Raises
    ------
    UserError
        If the file cannot be read, or :func:`scratchgpt.structured.read_toml` refuses it.
    """
    try:
        return read_toml(path)
    except FileNotFoundError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def write_run_config(
    run: RunConfig,
    model: ModelConfig,
    path: Path,
    *,
    resumed: bool = False,
) -> None:
    """Write the whole configuration, so that the run can be repeated from any folder.

    The size of the vocabulary and the labels are left out, because the data determines them. When a
    run that started from a model is resumed, the file keeps the original ``init`` and
    ``tokenizer``; see :func:`scratchgpt.recipes.read_run`.
    """
    import tomli_w

    fields_of_model = model.as_dict().items()
    own = {name: value for name, value in fields_of_model if name not in FROM_DATA}
    values: dict[str, object] = {**asdict(run), "model": own}
    if not run.method:
        del values["method"]
    if run.init is not None and resumed:
        before = read_settings(path)
        values |= {name: before[name] for name in ("init", "tokenizer") if name in before}
    values = make_absolute(values)
    text = "# Every setting of this run. To run it again: scratchgpt train --config THIS_FILE\n"
    write_text(path, text + tomli_w.dumps(_without_none(values)))


def _without_none(values: Settings) -> dict[str, object]:
    """Leave out settings that are None: TOML has no null."""
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }
