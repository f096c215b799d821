"""``scratchgpt verify``: verify the gradients on this machine."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from scratchgpt.cli.completion import complete, subjects
from scratchgpt.cli.console import message, write_json, write_line, write_text
from scratchgpt.cli.kernels import Device
from scratchgpt.cli.outputs import NEW_FOLDER, refuse_existing

EPILOG = """Examples:

scratchgpt verify

scratchgpt verify attention --method central

scratchgpt verify gpt2

scratchgpt verify gelu --kernels

scratchgpt verify --device cuda

scratchgpt verify all --out proof
"""


class Method(StrEnum):
    """The method that computes the derivative with which a backward pass is compared."""

    complex = "complex"
    central = "central"
    adjoint = "adjoint"


def verify_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to verify: an operation (attention), a layer (Block), gpt or transformer "
            "(small models in all forms), a preset (gpt2: the whole model of 124M parameters), or "
            "all (everything except the presets).",
            show_default="all",
            autocompletion=complete(subjects),
        ),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            help="Reference method: complex step, central differences, or the adjoint identity.",
            show_default="complex; adjoint for a preset",
        ),
    ] = None,
    with_kernels: Annotated[
        bool,
        typer.Option(
            "--kernels",
            help="Verify the compiled kernels, in float64, instead of the NumPy reference.",
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed of inputs, weights and dropout.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help=f"Folder for the results, as verify.json and as a page, verify.html. {NEW_FOLDER}"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    device: Device = "cpu",
) -> None:
    """Compare backward passes with derivatives of forward passes.

    With --device cuda, outputs and gradients of the GPU are compared with those of the CPU, in
    float64; with --kernels, those of the CUDA kernels.

    The exit status is 1 if a backward pass is wrong.
    """
    import time
    from contextlib import nullcontext

    from scratchgpt.files import make_folder
    from scratchgpt.kernels import disabled

    refuse_existing(out)
    chosen = _find(names or ["all"], method and method.value, seed, with_kernels, device)
    if out is not None:
        make_folder(out)  # fail now rather than after all checks
    rows: list[dict[str, Any]] = []
    if not as_json:
        write_line(_line("", "name", "case", "inputs", "method", "worst error", "time"))
    for check in chosen:
        began = time.perf_counter()
        # A complex step always runs on the reference: there are no kernels for complex numbers.
        with nullcontext() if with_kernels else disabled():
            report = check.run()
        row = {
            "kind": check.kind,
            "name": check.name,
            "case": check.case,
            "inputs": [{"name": i.name, "error": i.error} for i in report.inputs],
            "method": report.method,
            "kernels": with_kernels,
            "worst_error": report.worst_error,
            "passed": report.passed,
            "seconds": time.perf_counter() - began,
        }
        rows.append(row)
        if not as_json:
            write_text(f"{_row(row)}\n")
        if not report.passed:
            for line in str(report).splitlines():
                message(line)
    failed = sum(not row["passed"] for row in rows)
    worst = max(row["worst_error"] for row in rows)
    n = "1 check" if len(rows) == 1 else f"{len(rows)} checks"
    subject = f"{n} of the kernels" if with_kernels else n
    result = f"{failed} WRONG" if failed else "all passed" if len(rows) > 1 else "passed"
    verdict = f"{subject}, {result}, worst relative error {worst:.1e}"
    if out is not None:
        _write(rows, verdict, out)
    if as_json:
        write_json(rows)
    message(verdict)
    if failed:
        raise typer.Exit(1)


def _find(
    names: list[str], method: str | None, seed: int, with_kernels: bool, device: str
) -> list[Any]:
    """Return the checks on the CPU, or the comparisons of a GPU with it."""
    from scratchgpt.device import array_library
    from scratchgpt.errors import UserError
    from scratchgpt.proofs.parity import find_comparisons
    from scratchgpt.proofs.subjects import check_name, find_checks

    if device == "cpu":
        if with_kernels:
            _require_kernels()
        return [
            check
            for name in names
            for check in find_checks(name, method, seed, with_kernels=with_kernels)
        ]
    if method is not None:
        raise UserError(
            f"--method {method} has no effect with --device {device}, which compares the GPU with "
            "the CPU; leave one of them out"
        )
    for name in names:
        check_name(name)  # before the device is opened
    library = array_library(device)
    return [check for name in names for check in find_comparisons(name, seed, library)]


def _require_kernels() -> None:
    import numpy as np

    from scratchgpt.backend import kernels_available
    from scratchgpt.errors import UserError

    if not kernels_available(np.float64):
        raise UserError(
            "--kernels: compiled kernels are not available; install numba, and do not set "
            "SCRATCHGPT_KERNELS=off"
        )


def _line(kind: str, name: str, case: str, inputs: str, method: str, error: str, s: str) -> str:
    return f"{kind:<6} {name:<19} {case[:27]:<27} {inputs:>6} {method:<8} {error:>11} {s:>8}"


def _row(row: dict[str, Any]) -> str:
    error = f"{row['worst_error']:.1e}" if row["passed"] else f"WRONG {row['worst_error']:.0e}"
    seconds = f"{row['seconds']:.2f} s"
    n_inputs = str(len(row["inputs"]))
    return _line(row["kind"], row["name"], row["case"], n_inputs, row["method"], error, seconds)


def _write(rows: list[dict[str, Any]], verdict: str, folder: Path) -> None:
    """Write the results as JSON, and as a self-contained HTML page with the verdict at its top."""
    import html
    import json

    from scratchgpt.files import write_text

    cells = "\n".join(
        f'<tr class="{"ok" if row["passed"] else "wrong"}">'
        + "".join(f"<td>{html.escape(str(row[key]))}</td>" for key in ("kind", "name", "case"))
        + f"<td>{html.escape(', '.join(i['name'] for i in row['inputs']))}</td>"
        + f"<td>{row['method']}</td><td>{row['worst_error']:.1e}</td>"
        + f"<td>{row['seconds']:.2f} s</td></tr>"
        for row in rows
    )
    write_text(folder / "verify.json", json.dumps(rows, indent=1) + "\n")
    page = _PAGE.replace("@KIND@", "ok" if all(row["passed"] for row in rows) else "wrong")
    write_text(folder / "verify.html", page.replace("@VERDICT@", verdict).replace("@ROWS@", cells))


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>scratchgpt verify</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid #8884; }
td:nth-child(4) { font-size: 0.85em; }
.wrong { background: #d002; font-weight: bold; }
.verdict { border-left: 0.3rem solid #2a7; font-size: 1.15em; padding: 0.4rem 0.8rem; }
.verdict.wrong { border-color: #d00; }
.wide { overflow-x: auto; }
</style>
<h1>Backward passes, verified against their forward passes</h1>
<p class="verdict @KIND@">@VERDICT@</p>
<p>Worst relative error of the gradient with respect to each listed input.</p>
<div class="wide">
<table>
<thead><tr><th>kind</th><th>name</th><th>case</th><th>inputs</th><th>method</th><th>worst error</th>
<th>time</th></tr></thead>
<tbody>
@ROWS@
</tbody>
</table>
</div>
</html>
"""
