"""The pages match the code. ``make docs`` checks that the pages can be built."""

import re
import shlex
from pathlib import Path

import pytest

import scratchgpt.ops

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(
    path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if "_build" not in path.parts
)
# observe reports operations; attention_masks has the masks and the checks of attention.
NO_OPS = {"__init__", "observe", "attention_masks"}
OPS = sorted(
    path.stem
    for path in Path(scratchgpt.ops.__file__).parent.glob("*.py")
    if path.stem not in NO_OPS
)
# The code of these pages needs the Sphinx extensions; only the build runs it.
BUILT_ONLY = {"saved.md"}
COMMANDS_FENCE = re.compile(r"^```(?:\{command\}|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("op", OPS)
def test_every_op_has_a_page_that_derives_shows_and_proves_it(op):
    page = read(f"ops/{op}.md")
    for part in (
        "## Forward",
        "## Backward",
        "## What is saved",
        "## In numbers",
        f"{{literalinclude}} ../../scratchgpt/ops/{op}.py\n:pyobject: {op}_forward",
        f"{{literalinclude}} ../../scratchgpt/ops/{op}.py\n:pyobject: {op}_backward",
        f"{{residuals}} {op}",
    ):
        assert part in page


def test_every_page_of_an_op_has_an_op():
    assert sorted(path.stem for path in (DOCS / "ops").glob("*.md")) == sorted([*OPS, "index"])


@pytest.mark.parametrize("page", [page for page in PAGES if page not in BUILT_ONLY])
def test_the_code_of_the_page_runs(page, execution):
    execution.run_page(DOCS / page)


@pytest.mark.parametrize("page", PAGES)
def test_all_python_on_a_page_is_run(page):
    assert "```python" not in read(page)


def test_blocks_of_a_page_share_their_names(execution, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```{run}\nx = 1\n```\nand\n```{computed}\nx += 1\n```\n", encoding="utf-8")
    assert execution.run_page(page)["x"] == 2


@pytest.mark.parametrize("hidden", ["import numpy as np", "np = 1", "np: int = 1"])
def test_a_block_that_is_shown_uses_only_what_readers_can_paste(execution, tmp_path, hidden):
    page = tmp_path / "page.md"
    for before in ("", f"```{{computed}}\n{hidden}\n```\n"):
        page.write_text(f"{before}```{{run}}\nnp\n```\n", encoding="utf-8")
        with pytest.raises(NameError):
            execution.run_page(page)


def test_a_block_shows_what_it_prints_and_then_its_last_value(execution):
    assert execution.run_block("print('a')\n1 + 1", {}) == "a\n2\n"
    assert execution.run_block("x = 1", {}) == ""


def test_a_block_that_raises_is_not_swallowed(execution):
    with pytest.raises(ZeroDivisionError):
        execution.run_block("1 / 0", {})


@pytest.mark.parametrize("page", PAGES)
def test_literalincludes_name_files_that_exist(page):
    for name in re.findall(r"\{literalinclude\} (\S+)", read(page)):
        assert (DOCS / page).parent.joinpath(name).is_file(), name


@pytest.mark.parametrize("page", PAGES)
def test_parts_of_a_source_are_shown_without_its_indentation(page):
    for block in re.findall(
        r"^```\{literalinclude\} .*?^```$", read(page), re.MULTILINE | re.DOTALL
    ):
        if re.search(r":pyobject: \w+\.\w|:start-|:lines:", block):
            assert ":dedent:" in block, block


def commands(page: str) -> list[str]:
    lines = "".join(COMMANDS_FENCE.findall(read(page))).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line and not line.startswith(":")]


COMMANDS = sorted({command for page in PAGES for command in commands(page)})


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_have_verbs_and_options_that_exist(command):
    from typer.main import get_command

    from scratchgpt.cli.app import app

    group = get_command(app)
    _, *arguments = shlex.split(command)
    with group.make_context("scratchgpt", list(arguments)) as context:
        name, verb, rest = group.resolve_command(context, arguments)
        verb.make_context(name, rest, parent=context)  # raises on an unknown option
