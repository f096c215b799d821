"""``metrics.jsonl``: one JSON object for each logged step."""

import json
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.files import cannot_write, write_text
from scratchgpt.structured import parse_json
from scratchgpt.utf8 import read_text

METRICS_FILE = "metrics.jsonl"


def append_metrics(path: Path, values: dict[str, Any]) -> None:
    """Append one line to the file.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(_line(values))
    except OSError as error:
        raise cannot_write(path, error) from error


def read_metrics(path: Path | str) -> list[dict[str, Any]]:
    """Read all lines of the file; drop an incomplete last line that a killed run left.

    Raises
    ------
    UserError
        If the file does not exist, or a line is not a JSON object with a step.
    """
    path = Path(path)
    try:
        text = read_text(path)
    except (OSError, UserError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    records = []
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        try:
            record = parse_json(line, "it")
        except UserError as error:
            raise UserError(f"{path}: line {number} is damaged: {error}; remove it") from None
        if not _is_of_step(record):
            raise UserError(f"{path}: line {number} is not the metrics of a step; remove it")
        records.append(record)
    return records


def _is_of_step(record: Any) -> bool:
    """Whether a line has a step and otherwise only numbers, as :func:`append_metrics` writes."""
    return (
        isinstance(record, dict)
        and type(record.get("step")) is int
        and all(isinstance(value, int | float) for value in record.values())
    )


def cut_metrics(path: Path, step: int) -> None:
    """Remove the lines of ``step`` and later, because a run resumed there logs them again."""
    if path.exists():
        kept = [record for record in read_metrics(path) if record["step"] < step]
        write_text(path, "".join(_line(record) for record in kept))


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, allow_nan=False) + "\n"
