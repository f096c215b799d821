"""``scratchgpt explore``: one training step, forward and backward, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.console import byte_count, message, preparation_progress, write_line
from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.outputs import NEW_FILE, refuse_existing

EPILOG = """Examples:

scratchgpt explore --open

scratchgpt explore runs/mine --out mine.html

scratchgpt explore runs/dates --out dates.html

scratchgpt explore models/gpt2 --text "The quick brown fox jumps over the lazy dog" --tokens 8
"""


def explore_command(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN|MODEL]",
            help="Folder of a run, whose next step is shown, or of a model. Without it, a small "
            "GPT is trained for some seconds.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            help="Text of the step; for a translator, the source. A run has texts of its own.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help=f"File for the page. {NEW_FILE}")] = Path("step.html"),
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
    task: Annotated[
        str | None,
        typer.Option(
            help="Task of the small GPT: sort or addition, with sizes as in train.",
            show_default="sort:6:5",
        ),
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, help="Maximum number of tokens.")] = 16,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="0,5,11",
            help="Blocks to show; by default as many as fit into a page of 3 MB.",
            show_default=False,
        ),
    ] = None,
    landscape: Annotated[
        bool,
        typer.Option(help="Show the loss along one weight of each parameter."),
    ] = True,
    docs: Annotated[
        str,
        typer.Option(help="Address of the docs, for links to them.", show_default=False),
    ] = "",
    threads: Threads = None,
) -> None:
    """Write a page with all numbers of one training step.

    The step is computed by the reference, without kernels. The page is one file that needs no
    network. The command prints its path and size.
    """
    from scratchgpt.errors import UserError
    from scratchgpt.explore import demo_steps, make_page, write_page
    from scratchgpt.recipes.next_step import step_to_explore

    refuse_existing(out)
    blocks = None if layers is None else _blocks(layers)
    start = None
    prepare_kernels(threads)
    if model is None:
        if text is not None:
            raise UserError("--text needs a model; name the folder of a run or of a model")
        task = task or "sort:6:5"
        message(f"training a small GPT on {task}")
        step, start = demo_steps(task, most_tokens=tokens)
    else:
        if task is not None:
            raise UserError(f"--task {task} is for the small GPT, not for {model}; leave it out")
        with preparation_progress() as progress:
            step = step_to_explore(model, text, most_tokens=tokens, progress=progress)
    page = make_page(step, start=start, blocks=blocks, docs=docs, landscape=landscape)
    write_page(page, out)
    for note in step.notes:
        message(note)
    n_hidden, n = len(page.content.hidden), len(page.content.blocks)
    if n_hidden:
        message(f"the page shows {n - n_hidden} of {n} blocks; --layers chooses them")
    write_line(f"{out}: {byte_count(page.n_bytes)}, {page.content.n_followed:,} numbers")
    if open_page:
        import webbrowser

        webbrowser.open(out.resolve().as_uri())


def _blocks(layers: str) -> list[int]:
    """Read ``--layers 0,5,11``."""
    parts = [part.strip() for part in layers.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(
            f"{layers!r} is not a list of blocks; write numbers with commas, 0,5,11",
            param_hint="--layers",
        )
    return list(dict.fromkeys(int(part) for part in parts))
