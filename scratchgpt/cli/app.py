"""The verbs of the command line."""

from typing import Any, cast

import typer

from scratchgpt.cli import (
    bench,
    cache,
    chat,
    classify,
    contrastive,
    data,
    doctor,
    dpo,
    embed,
    evaluate,
    exercise,
    explore,
    export_model,
    finetune,
    forecast,
    generate,
    grpo,
    import_model,
    index,
    info,
    ppo,
    predict,
    quantize,
    reward,
    search,
    serve,
    sft,
    sweep,
    tokenizer,
    train,
    translate,
    verify,
    zero_shot,
)
from scratchgpt.cli.console import program
from scratchgpt.cli.help import use_layout
from scratchgpt.cli.numbers import limit_numbers
from scratchgpt.errors import UserError
from scratchgpt.version import __version__

NAME = "scratchgpt"

app = typer.Typer(
    name=NAME,
    help="The GPT family in NumPy: train language and translation models on your own text, "
    "generate with them, and verify every gradient.",
    epilog="Start with:\n\nscratchgpt train python-docs --out runs/first",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train", epilog=train.EPILOG)(train.train_command)
app.command("contrastive", epilog=contrastive.EPILOG)(contrastive.contrastive_command)
app.command("finetune", epilog=finetune.EPILOG)(finetune.finetune_command)
app.command("sft", epilog=sft.EPILOG)(sft.sft_command)
app.command("reward", epilog=reward.EPILOG)(reward.reward_command)
app.command("dpo", epilog=dpo.EPILOG)(dpo.dpo_command)
app.command("grpo", epilog=grpo.EPILOG)(grpo.grpo_command)
app.command("ppo", epilog=ppo.EPILOG)(ppo.ppo_command)
app.command("sweep", epilog=sweep.EPILOG)(sweep.sweep_command)
app.command("chat", epilog=chat.EPILOG)(chat.chat_command)
app.command("generate", epilog=generate.EPILOG)(generate.generate_command)
app.command("translate", epilog=translate.EPILOG)(translate.translate_command)
app.command("classify", epilog=classify.EPILOG)(classify.classify_command)
app.command("predict", epilog=predict.EPILOG)(predict.predict_command)
app.command("eval", epilog=evaluate.EPILOG)(evaluate.eval_command)
app.command("import", epilog=import_model.EPILOG)(import_model.import_command)
app.command("export", epilog=export_model.EPILOG)(export_model.export_command)
app.command("quantize", epilog=quantize.EPILOG)(quantize.quantize_command)
app.command("forecast", epilog=forecast.EPILOG)(forecast.forecast_command)
app.command("search", epilog=search.EPILOG)(search.search_command)
app.command("index", epilog=index.EPILOG)(index.index_command)
app.command("serve", epilog=serve.EPILOG)(serve.serve_command)
app.command("embed", epilog=embed.EPILOG)(embed.embed_command)
app.command("zero-shot", epilog=zero_shot.EPILOG)(zero_shot.zero_shot_command)
app.command("info", epilog=info.EPILOG)(info.info_command)
app.command("explore", epilog=explore.EPILOG)(explore.explore_command)
app.command("verify", epilog=verify.EPILOG)(verify.verify_command)
app.command("exercise", epilog=exercise.EPILOG)(exercise.exercise_command)
app.command("bench", epilog=bench.EPILOG)(bench.bench_command)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor_command)
app.add_typer(tokenizer.app, name="tokenizer")
app.add_typer(data.app, name="data")
app.add_typer(cache.app, name="cache")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scratchgpt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


# The class of all errors about options and arguments; Typer does not export it.
_UsageError = cast(type[typer.BadParameter], typer.BadParameter.__base__)


class _InterruptedError(Exception):
    """Ctrl-C, which Typer would turn into an exit status."""


def run_command() -> int:
    """Run the command that the arguments of the process name; return its exit status.

    Raises
    ------
    UserError
        If an option or an argument is wrong, or for bad input.
    KeyboardInterrupt
        If Ctrl-C is pressed.
    """
    command: Any = typer.main.get_command(app)
    use_layout(command)
    limit_numbers(command)
    invoke = command.invoke

    def interruptible(context: Any) -> Any:
        try:
            return invoke(context)
        except KeyboardInterrupt:
            raise _InterruptedError from None

    command.invoke = interruptible
    try:
        return command(prog_name=NAME, standalone_mode=False) or 0
    except _InterruptedError:
        raise KeyboardInterrupt from None
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return error.exit_code
        message = " ".join(error.format_message().split())
        message = message.replace("Value error, ", "")  # Typer's text for a value not in a list
        verbs = error.ctx.command_path.removeprefix(NAME) if error.ctx else ""
        message = f"{message[:1].lower()}{message[1:].rstrip('.')}"
        raise UserError(f"{message}; see {program()}{verbs} --help") from None
