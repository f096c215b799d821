"""``scratchgpt sweep``: train with many settings, and find the best."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.console import message, program, write_json, write_line
from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.options import AsJson
from scratchgpt.cli.outputs import NEW_FOLDER, refuse_existing

EPILOG = """Examples:

scratchgpt sweep sweep.toml --trials 20 --jobs 2 --out runs/sweep

scratchgpt sweep --out runs/sweep --resume --trials 40
"""


def sweep_command(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE.toml",
            help="A configuration file as for `scratchgpt train --config`, with the settings to "
            "vary in [sweep.training] or [sweep.model]: batch_size = [8, 16], or "
            "lr = { low = 1e-4, high = 1e-2, log = true }.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of trials, with those before.")
    ] = 20,
    jobs: Annotated[
        int, typer.Option(min=1, max=1024, help="Number of trials that run at the same time.")
    ] = 1,
    out: Annotated[Path, typer.Option(help=f"Folder for the trials. {NEW_FOLDER}")] = Path(
        "runs/sweep"
    ),
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the sweep in --out where it stopped.")
    ] = False,
    as_json: AsJson = False,
    threads: Threads = None,
) -> None:
    """Train with many settings, and find the best.

    Optuna chooses the settings of each trial from the results of the trials before, and stops
    trials that are worse than half of the others at the same step. Each trial is a run in its own
    folder in --out. Ctrl-C saves the trials that run; --resume continues them.
    """
    import os

    from scratchgpt.errors import UserError, warn_on_failure
    from scratchgpt.escapes import shell_quoted
    from scratchgpt.recipes.sweep import SweepFolder, create
    from scratchgpt.recipes.sweep_jobs import run_jobs
    from scratchgpt.recipes.sweep_report import plot_sweep, summary, table, trial_rows
    from scratchgpt.threads import n_cores

    if resume == (file is not None):
        raise UserError("name the file of a new sweep, or continue one with --resume")
    if not resume:
        refuse_existing(out)
    assert file is not None or resume
    folder = SweepFolder(out) if file is None else create(out, file)
    if threads is None and jobs > 1 and "SCRATCHGPT_THREADS" not in os.environ:
        threads = max(1, n_cores() // jobs)
    prepare_kernels(threads, folder.sweep.run.training.precision)
    with folder.locked():
        try:
            run_jobs(folder, trials, jobs, message)
        except KeyboardInterrupt:
            message(
                f"stopped; continue with: {program()} sweep --out {shell_quoted(out)} --resume "
                f"--trials {trials} --jobs {jobs}"
            )
            raise
    rows = trial_rows(folder)
    picture = None
    with warn_on_failure("plotting the sweep"):
        picture = plot_sweep(folder, rows)
    if as_json:
        write_json({"out": str(out), "score": folder.score, "trials": [vars(row) for row in rows]})
    else:
        for line in table(folder, rows):
            write_line(line)
    plot = f"; plot in {picture}" if picture else ""
    message(f"{summary(rows)}; output in {out}{plot}")
    if rows and rows[0].value is None:
        raise UserError(f"no trial was completed; the first: {rows[0].outcome}")
    if rows:
        best = shell_quoted(rows[0].folder)
        message(f"the best model: {program()} info {best}")
