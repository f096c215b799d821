"""The option for the format of conversations."""

from typing import Annotated

import typer

from scratchgpt.cli.completion import chat_formats, complete

ChatFormatName = Annotated[
    str | None,
    typer.Option(
        "--chat-format",
        metavar="NAME",
        help="Format of conversations: chatml, qwen3, llama3, zephyr or another one in the table "
        "of formats.",
        show_default="that of the model, if it is recognized",
        autocompletion=complete(chat_formats),
    ),
]
