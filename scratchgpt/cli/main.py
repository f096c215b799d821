"""``scratchgpt VERB``: the entry point, which turns errors into messages and exit statuses."""

import sys
import warnings
from io import TextIOWrapper
from typing import NoReturn, cast

import typer

from scratchgpt.cli import (
    bench,
    cache,
    data,
    doctor,
    evaluate,
    export_model,
    forecast,
    generate,
    import_model,
    info,
    quantize,
    tokenizer,
    train,
    translate,
    verify,
)
from scratchgpt.cli.console import program
from scratchgpt.cli.help import use_layout
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
app.command("generate", epilog=generate.EPILOG)(generate.generate_command)
app.command("translate", epilog=translate.EPILOG)(translate.translate_command)
app.command("eval", epilog=evaluate.EPILOG)(evaluate.eval_command)
app.command("import", epilog=import_model.EPILOG)(import_model.import_command)
app.command("export", epilog=export_model.EPILOG)(export_model.export_command)
app.command("quantize", epilog=quantize.EPILOG)(quantize.quantize_command)
app.command("forecast", epilog=forecast.EPILOG)(forecast.forecast_command)
app.command("info", epilog=info.EPILOG)(info.info_command)
app.command("verify", epilog=verify.EPILOG)(verify.verify_command)
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


def run() -> None:
    """Run the command line; for bad input, print one line on stderr and exit with status 2."""
    warnings.formatwarning = lambda message, *where: f"warning: {message}\n"
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # characters that its encoding lacks become "?"
    command = typer.main.get_command(app)
    use_layout(command)
    try:
        sys.exit(command(prog_name=NAME, standalone_mode=False))
    except UserError as error:
        _refuse(str(error))
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            sys.exit(error.exit_code)
        message = " ".join(error.format_message().split())
        message = message.replace("Value error, ", "")  # Typer's text for a value not in a list
        verbs = error.ctx.command_path.removeprefix(NAME) if error.ctx else ""
        _refuse(f"{message[:1].lower()}{message[1:].rstrip('.')}; see {program()}{verbs} --help")
    except KeyboardInterrupt:
        sys.exit(130)


def _refuse(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    run()
