"""The commands of the pages run in forks of one process, each with its own output and folder."""

import importlib.util
import os
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "docs" / "_ext" / "command_process.py"


@pytest.fixture(scope="module")
def module():
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    spec = importlib.util.spec_from_file_location("command_process", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.stop()


def test_commands_print_and_write_where_they_run(module, tmp_path):
    first = module.run_command(["exercise", "softmax"], str(tmp_path), {})
    assert first.status == 0
    assert "wrote softmax.py" in first.stderr
    assert (tmp_path / "softmax.py").is_file()
    second = module.run_command(["info", "char"], str(tmp_path), {"COLUMNS": "100"})
    assert second.status == 0
    assert "softmax" not in second.stdout
    assert "parameters" in second.stdout


def test_a_command_that_fails_has_its_status_and_message(module, tmp_path):
    done = module.run_command(["eval", "--model", "missing"], str(tmp_path), {})
    assert done.status != 0
    assert "missing" in done.stderr
    assert done.stdout == ""
    assert "COLUMNS" not in os.environ or os.environ["COLUMNS"] != "100"
