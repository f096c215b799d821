"""``scratchgpt search --setup``: train the model that finds code by meaning."""

import typer

from scratchgpt.cli.console import message, program
from scratchgpt.cli.kernels import prepare_kernels


def set_up(threads: int | None) -> None:
    """Train a GPT on code and an encoder from it, or resume an earlier setup."""
    from scratchgpt.cli.training_run import train_run
    from scratchgpt.embeddings import default_model_folder
    from scratchgpt.errors import UserError
    from scratchgpt.recipes.code_search import fastest_precision, finish_setup, setup_stages
    from scratchgpt.recipes.resolve import read_run

    model = default_model_folder()
    if model.exists():
        raise UserError(
            f"there is a model in {model}; to train it again, remove it with "
            f"`{program()} cache clear models`"
        )
    runs = model.with_name(f"{model.name}-runs")
    prepare_kernels(threads)
    precision = fastest_precision()
    stages = setup_stages(runs)
    for number, stage in enumerate(stages, 1):
        message(f"step {number} of {len(stages)}: train {stage.what}")
        if stage.is_finished:
            message(f"it is finished already, in {stage.out}")
            continue
        resume = stage.is_started
        run = read_run(stage.out) if resume else stage.configure(0, precision)
        prepare_kernels(threads, run.training.precision)
        try:
            train_run(run, stage.out, resume=resume, as_json=False, show_sample=False)
        except typer.Exit:
            message(f"or resume both steps with: {program()} search --setup")
            raise
    finish_setup(runs, model)
    message(f"searches use the model in {model} from now on")
