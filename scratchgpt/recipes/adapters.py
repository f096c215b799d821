"""The model of a run, with low-rank adapters if its settings ask for them."""

from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.models import LoRAConfig, add_lora
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.data import RunData
from scratchgpt.recipes.model_folder import find_model

SETTINGS = ("lora_rank", "lora_alpha", "lora_dropout", "lora_targets", "lora_rslora")
# The settings of recipes that train no GPT, or always a new one, with the reason.
WITHOUT_LORA = dict.fromkeys(SETTINGS, "this task trains all parameters of its model")


def new_model(run: RunConfig, data: RunData[Any, Any]) -> Any:
    """Make the model of a run; a run with adapters trains only these."""
    model, lora = data.new_model(run), adapters_of(run)
    if lora is None:
        return model
    assert run.init is not None  # checked before
    folder = find_model(Path(run.init)).resolve()
    return add_lora(model, lora, seed=run.training.seed, folder=folder)


def adapters_of(run: RunConfig) -> LoRAConfig | None:
    """Return the settings of the adapters of a run; None if it has none.

    Raises
    ------
    UserError
        If a setting is out of range, or has no effect.
    """
    given = {name: getattr(run, name) for name in SETTINGS}
    if run.lora_rank == 0:
        for name, value in given.items():
            if value != getattr(RunConfig, name):
                raise UserError(
                    f"{name}={value!r} has no effect without lora_rank; set it, or leave {name} out"
                )
        return None
    try:
        return LoRAConfig(**{name.removeprefix("lora_"): value for name, value in given.items()})
    except UserError as error:
        raise UserError(f"lora_{error}") from error


def check_adapters(run: RunConfig) -> None:
    """Raise UserError if the adapters of a run do not fit its other settings."""
    if adapters_of(run) is None:
        return
    if run.init is None:
        raise UserError(
            f"lora_rank={run.lora_rank}: adapters are trained on an existing model; name it with "
            "init (--init)"
        )
    if run.training.optimizer == "muon":
        raise UserError(
            f"optimizer='muon' moves the weights of linear maps, which are frozen with "
            f"lora_rank={run.lora_rank}; use optimizer='adamw'"
        )
