"""The README names only existing files, its code runs, and its numbers are the recorded ones."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECORDED = json.loads((ROOT / "benchmarks" / "recorded.json").read_text(encoding="utf-8"))
# A number, but not the digits of a name such as float32 or q8_0.
NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?(?!\w)")


def tables() -> dict[str, list[list[str]]]:
    """The rows of each table, without its header, by the heading above the table."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in README.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            found.setdefault(heading, []).append(cells)
    return {heading: rows[2:] for heading, rows in found.items()}


def flat(values: dict[str, float | list[float]]) -> list[float]:
    return [
        number
        for value in values.values()
        for number in (value if isinstance(value, list) else [value])
    ]


def test_the_code_runs_and_proves_its_gradients(capsys):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), names)
    assert names["dx"].shape == names["x"].shape
    assert "layer_norm_backward, complex, seed 0: passed" in capsys.readouterr().out


def test_every_file_and_folder_it_names_exists():
    named = re.findall(r"`((?:scratchgpt|docs|tests|examples|benchmarks)/[\w./]*)`", README)
    named += re.findall(r"\]\(([\w./]+)\)", README)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_link_to_a_section_has_a_heading():
    headings = re.findall(r"^##+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([\w-]+)\)", README))
    assert len(links) > 5
    assert links <= anchors


def test_every_number_in_the_tables_is_recorded():
    shown = [
        (heading, what, [float(n.replace(",", "")) for n in NUMBER.findall(result)], cpu)
        for heading, rows in tables().items()
        for what, result, *rest in rows
        for cpu in rest
        if result != "not yet measured"
    ]
    recorded = [
        (row["table"], row["what"], flat(row["values"]), row["cpu"]) for row in RECORDED["rows"]
    ]
    assert shown == recorded


def test_other_tables_have_no_numbers():
    measured = {row["table"] for row in RECORDED["rows"]}
    others = {heading: rows for heading, rows in tables().items() if heading not in measured}
    assert others
    assert not [
        cell for rows in others.values() for row in rows for cell in row if NUMBER.search(cell)
    ]


def test_every_record_names_its_cpu_and_its_date_if_known():
    for row in RECORDED["rows"]:
        assert set(row) == {"table", "what", "values", "cpu", "measured", "command"}
        assert row["values"]
        assert row["cpu"] in RECORDED["cpus"]
        assert row["measured"] is None or re.fullmatch(r"20\d\d-\d\d-\d\d", row["measured"])


def test_scripts_in_recorded_commands_exist():
    commands = " ".join(row["command"] or "" for row in RECORDED["rows"])
    scripts = set(re.findall(r"(?:benchmarks|tests)/[\w/]+\.py", commands))
    assert len(scripts) > 10
    assert [script for script in scripts if not (ROOT / script).exists()] == []
