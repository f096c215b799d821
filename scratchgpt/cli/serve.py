"""``scratchgpt serve``: answer requests of programs and of a chat page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.chat_formats import ChatFormatName
from scratchgpt.cli.completion import complete
from scratchgpt.cli.console import message
from scratchgpt.cli.generate import Which
from scratchgpt.cli.kernels import Threads, prepare_kernels

if TYPE_CHECKING:
    from scratchgpt.serving import ServedModel

EPILOG = """Examples:

scratchgpt serve --model runs/chat

scratchgpt serve -m runs/chat --port 9000 --allow-origin http://localhost:3000

SCRATCHGPT_API_KEY=secret scratchgpt serve -m runs/chat --host 0.0.0.0
"""

LOCAL = "127.0.0.1"


def serve_command(
    model: Annotated[
        Path,
        typer.Option(
            "--model",
            "-m",
            help="Folder of a run or model.",
            autocompletion=complete(folders=True),
        ),
    ],
    chat_format: ChatFormatName = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; 0.0.0.0 lets other machines use the model."),
    ] = LOCAL,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 is any free port.")
    ] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="SCRATCHGPT_API_KEY",
            help="Key that requests must have. Other users of this machine can read it in a "
            "command, but not in the environment variable.",
            show_default=False,
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Origin of another web page that may use the model, or of a name of this server; "
            "give the option once for each.",
            show_default=False,
        ),
    ] = None,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Checkpoint of the run.", show_default="the first of average, best, last"
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Serve a model to programs, and to a chat page in a browser.

    Programs use OpenAI's interface. A model trained by sft answers chats, any GPT continues texts,
    and an encoder embeds texts. Ctrl-C stops the server.
    """
    _check_extra()
    from scratchgpt.serving import Service, bind, is_loopback, make_access, run, url_of

    access = make_access(host, allow_origin or [], api_key)
    with bind(host, port) as listener:
        served = _load(model, which and which.value, chat_format)
        prepare_kernels(threads)
        if not is_loopback(host):
            key = "" if api_key else ", and anyone who reaches it can use it; set --api-key"
            message(f"warning: other machines can reach this server{key}")
        service = Service(served, access, on_failure=lambda error: message(_line(error)))
        run(
            service,
            listener,
            lambda: message(f"serving {served.name} at {url_of(listener)}; Ctrl-C stops it"),
        )
    message("stopped")


def _check_extra() -> None:
    """Raise UserError if the libraries of the server are not installed."""
    from importlib.util import find_spec

    from scratchgpt.errors import UserError

    if any(find_spec(name) is None for name in ("starlette", "uvicorn")):
        raise UserError(
            "a server needs starlette and uvicorn; install them with pip install "
            "'scratchgpt-numpy[serve]'"
        )


def _load(path: Path, which: str | None, chat_format: str | None) -> "ServedModel":
    from scratchgpt.chat import with_format
    from scratchgpt.embeddings import TextEncoder
    from scratchgpt.recipes.model_folder import find_model, is_encoder, load_model
    from scratchgpt.serving import ServedModel

    name = path.resolve().name.encode("utf-8", "replace").decode() or "model"
    directory = find_model(path, which)
    if is_encoder(directory):
        return ServedModel.of_vectors(name, TextEncoder.from_pretrained(directory))
    gpt, tokenizer = load_model(directory)
    return ServedModel.of_text(name, gpt, with_format(tokenizer, chat_format))


def _line(error: BaseException) -> str:
    return f"error: {type(error).__name__}: {error}"
