import json
from pathlib import Path

import pytest

from scratchgpt import backend
from scratchgpt.kernels import disabled
from scratchgpt.ops import embedding_backward, embedding_forward
from scratchgpt.proofs import subjects
from scratchgpt.verify.examples import EXAMPLES, Example

RECORDED = json.loads(
    (Path(__file__).parents[2] / "benchmarks" / "recorded.json").read_text(encoding="utf-8")
)


@pytest.mark.reference
def test_every_operation_layer_and_form_of_model_is_proven(scratchgpt):
    outcome = scratchgpt("verify", "--json")
    assert outcome.status == 0, outcome.stderr
    rows = json.loads(outcome.stdout)
    assert {row["name"] for row in rows if row["kind"] == "op"} == set(EXAMPLES)
    assert {row["name"] for row in rows if row["kind"] == "layer"} == {
        name for name, _ in subjects.LAYERS
    }
    for name, forms in subjects.MODELS.items():
        assert {row["case"] for row in rows if row["name"] == name} == set(forms)
    assert all(row["passed"] and row["worst_error"] <= 1e-12 for row in rows)
    _compare_with_record(rows)
    assert all(row["inputs"] for row in rows if row["case"] != "all ignored")


def _compare_with_record(rows):
    """The README shows the worst errors; rounding depends on the CPU that they were measured on."""
    [record] = [row for row in RECORDED["rows"] if row["command"] == "scratchgpt verify all"]
    assert record["cpu"] == "Zen 4"
    if not backend.kernels_available():
        return
    from llvmlite.binding import get_host_cpu_name

    if get_host_cpu_name() == "znver4":
        for kind, recorded in zip(("op", "layer", "model"), record["values"].values(), strict=True):
            worst = max(row["worst_error"] for row in rows if row["kind"] == kind)
            assert recorded == pytest.approx(worst, rel=0.1), kind


def test_one_name_gives_a_table_a_json_file_and_a_page(scratchgpt, tmp_path):
    out = tmp_path / "proof"
    outcome = scratchgpt("verify", "layer_norm", "--method", "central", "--out", out)
    assert outcome.status == 0
    heading, *lines = outcome.stdout.splitlines()
    assert "worst error" in heading
    assert len(lines) == len(EXAMPLES["layer_norm"].cases)
    assert all("layer_norm" in line and "central" in line for line in lines)
    assert len(json.loads((out / "verify.json").read_text())) == len(lines)
    page = (out / "verify.html").read_text()
    assert page.count("<tr class=") == len(lines)
    verdict = outcome.stderr.splitlines()[-1]
    assert f"{len(lines)} checks, all passed" in verdict
    assert page.index(f'<p class="verdict ok">{verdict}</p>') < page.index("<table>")


@pytest.mark.parametrize("name", ["gpt-nano", "transformer-tiny"])
def test_a_preset_is_proven_whole_by_the_adjoint(scratchgpt, name):
    outcome = scratchgpt("verify", name, "--json")
    (row,) = json.loads(outcome.stdout)
    assert outcome.status == 0
    assert row["method"] == "adjoint"
    assert row["worst_error"] <= 1e-10


def test_a_wrong_backward_ends_in_status_1_and_its_report(scratchgpt, monkeypatch, tmp_path):
    def wrong(dy, saved):
        return 1.001 * embedding_backward(dy, saved)

    right = EXAMPLES["embedding"]
    broken = Example("embedding", embedding_forward, wrong, right.cases[:1])
    monkeypatch.setitem(EXAMPLES, "embedding", broken)
    outcome = scratchgpt("verify", "embedding", "--out", tmp_path)
    assert outcome.status == 1
    page = (tmp_path / "verify.html").read_text()
    assert '<p class="verdict wrong">1 check, 1 WRONG' in page
    assert "WRONG" in outcome.stdout
    assert "weight" in outcome.stderr
    assert "1 WRONG" in outcome.stderr


@pytest.fixture
def broken_kernel(monkeypatch):
    """Make the kernel of relu return its input unchanged."""

    def identity(source, x, out):
        out[...] = source

    monkeypatch.setattr("scratchgpt.kernels.relu.relu", identity)


@pytest.mark.skipif(not backend.kernels_available(), reason="kernels are not available here")
def test_it_proves_the_reference_and_the_kernels_where_asked(scratchgpt, broken_kernel):
    outcome = scratchgpt("verify", "relu", "--json")
    assert outcome.status == 0
    assert not any(row["kernels"] for row in json.loads(outcome.stdout))
    outcome = scratchgpt("verify", "relu", "--kernels", "--json")
    assert outcome.status == 1
    assert all(row["kernels"] for row in json.loads(outcome.stdout))
    assert "of the kernels" in outcome.stderr


def test_kernels_that_are_switched_off_are_not_proven(refused):
    with disabled():
        error = refused("verify", "relu", "--kernels")
        assert "do not set SCRATCHGPT_KERNELS=off" in error


def test_an_unknown_name_suggests_the_nearest(refused):
    assert "did you mean 'attention'?" in refused("verify", "atention")


@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_preset_is_not_proven_element_by_element(refused, method):
    assert "too many" in refused("verify", "gpt2", "--method", method)
