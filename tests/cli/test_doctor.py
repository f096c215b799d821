import importlib.util
import json
import os
import subprocess
import sys

import pytest

from scratchgpt.backend import kernels_available
from scratchgpt.measure import examine

pytestmark = pytest.mark.switch
KEYS = set(examine(measure=False).as_dict()) | {"advice"}


def in_a_fresh_process(*arguments, without_numba=False, **environment):
    """Run ``scratchgpt doctor`` in a fresh process with its own environment."""
    code = "import sys\n"
    if without_numba:
        code += "sys.modules['numba'] = sys.modules['llvmlite'] = None\n"
    code += "from scratchgpt.cli.main import run\nrun()"
    return subprocess.run(
        [sys.executable, "-c", code, "doctor", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_findings_come_under_headings(scratchgpt):
    outcome = scratchgpt("doctor", "--quick")
    assert outcome.status == 0
    assert outcome.stderr == ""
    headings = [line for line in outcome.stdout.splitlines() if not line.startswith(" ")]
    assert headings[:3] == ["software:", "processor:", "kernels:"]
    assert headings[-1] == "how to make it faster:"
    assert "measured:" not in headings


def test_values_are_aligned(scratchgpt):
    lines = scratchgpt("doctor", "--quick").stdout.splitlines()
    software = lines[lines.index("software:") + 1 : lines.index("processor:")]
    python = next(line for line in software if "Python" in line)
    start = python.index("3.")
    assert all(line[start - 1] == " " and line[start] != " " for line in software)


def test_json_has_findings_and_advice(scratchgpt):
    record = json.loads(scratchgpt("doctor", "--quick", "--json").stdout)
    assert set(record) == KEYS
    assert record["measured"] is None


def test_measurements_are_printed_with_their_units(scratchgpt):
    outcome = scratchgpt("doctor")
    assert outcome.status == 0
    assert "measuring" in outcome.stderr
    measured = outcome.stdout.split("measured:")[1].split("how to make")[0]
    assert measured.count("GFLOP/s") == 2
    assert measured.count("GB/s") == 1


def test_every_advice_is_shown(scratchgpt, monkeypatch):
    import scratchgpt.measure as measure

    monkeypatch.setattr(measure, "advice", lambda findings: ["first " * 30, "second"])
    outcome = scratchgpt("doctor", "--quick")
    shown = outcome.stdout.split("how to make it faster:")[1]
    assert shown.split() == ["first"] * 30 + ["second"]
    assert max(map(len, shown.splitlines())) <= 88


def test_without_problems_it_says_so(scratchgpt, monkeypatch):
    import scratchgpt.measure as measure

    monkeypatch.setattr(measure, "advice", lambda findings: [])
    assert scratchgpt("doctor", "--quick").stdout.endswith("  no problems found\n")


def test_without_numba_it_says_what_that_costs_and_how_to_install_it():
    run = in_a_fresh_process("--json", without_numba=True)
    assert run.returncode == 0, run.stderr
    record = json.loads(run.stdout)
    assert record["kernels"] == "missing"
    assert record["versions"]["numba"] is None
    assert record["measured"]["sgemm_gflop_per_s"] > 0
    assert "pip install numba" in record["advice"][0]


@pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="nothing to switch off")
def test_with_kernels_switched_off_it_says_so():
    run = in_a_fresh_process("--quick", SCRATCHGPT_KERNELS="off")
    assert run.returncode == 0, run.stderr
    assert "SCRATCHGPT_KERNELS=off" in run.stdout.split("how to make it faster:")[1]


@pytest.mark.skipif(not kernels_available(), reason="kernels are not available here")
def test_an_untested_numba_is_a_finding(monkeypatch, scratchgpt):
    from scratchgpt import backend

    monkeypatch.setattr(backend, "NEWEST_NUMBA", backend.OLDEST_NUMBA)
    monkeypatch.setattr(backend, "OLDEST_NUMBA", (0, 0))
    monkeypatch.setattr(backend, "_kernels_installed", lambda: False)
    record = json.loads(scratchgpt("doctor", "--quick", "--json").stdout)
    assert record["kernels"] == "untested"
    assert "is untested" in record["advice"][0]


@pytest.mark.skipif(not kernels_available(), reason="kernels are not available here")
def test_the_number_of_threads_is_that_of_the_environment():
    run = in_a_fresh_process("--quick", "--json", SCRATCHGPT_THREADS="1")
    record = json.loads(run.stdout)
    assert record["threads"] == 1
    assert record["environment"]["SCRATCHGPT_THREADS"] == "1"


@pytest.mark.skipif(not kernels_available(), reason="kernels are not available here")
def test_an_invalid_setting_is_refused():
    run = in_a_fresh_process("--quick", SCRATCHGPT_THREADS="many")
    assert run.returncode == 2
    assert run.stderr.splitlines() == [
        "error: SCRATCHGPT_THREADS='many' must be a whole number of at least 1"
    ]
