"""``scratchgpt VERB``: the entry point, and the one place where errors become exit statuses."""

import sys

import typer

from scratchgpt.cli import data, evaluate, generate, info, tokenizer, train, verify
from scratchgpt.errors import UserError
from scratchgpt.version import __version__

app = typer.Typer(
    name="scratchgpt",
    help="The GPT family in NumPy: train a model on your own text, and let it write.",
    epilog="Start with: scratchgpt train python-docs --out runs/first",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("train", epilog=train.EPILOG)(train.train_command)
app.command("generate", epilog=generate.EPILOG)(generate.generate_command)
app.command("eval", epilog=evaluate.EPILOG)(evaluate.eval_command)
app.command("info", epilog=info.EPILOG)(info.info_command)
app.command("verify", epilog=verify.EPILOG)(verify.verify_command)
app.add_typer(tokenizer.app, name="tokenizer")
app.add_typer(data.app, name="data")


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


def run() -> None:
    """Run the command line; bad input ends in one line on stderr and exit status 2."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
