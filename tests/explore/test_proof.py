"""The checks on a page are those of scratchgpt.verify, on the numbers of the step."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.explore.proof import prove, pytorch_errors
from scratchgpt.explore.record import record
from scratchgpt.explore.unfold import UNFOLD


def test_every_operation_and_every_parameter_passes(each_content):
    recording, proofs = each_content.recording, each_content.proofs
    assert all(proof.passed for proof in proofs)
    assert max(proof.worst for proof in proofs) < 1e-10
    checked = {proof.what for proof in proofs}
    assert checked == {call.op for call in recording.calls} | set(
        each_content.step.model.store.named
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_not_checked(step, bad):
    weight = step.model.store.named["transformer.wte.weight"].value
    used = set(step.batch.tokens.ravel())
    unused = next(v for v in range(len(weight)) if v not in used)
    weight[unused, 0] = bad
    assert prove(record(step)) == []  # the head uses every row


def test_the_errors_of_the_table_are_those_that_are_measured_now(torch):
    """Written by tests/explore/pytorch_errors.py. Processors round differently."""
    path = Path(__file__).with_name("pytorch_errors.py")
    spec = importlib.util.spec_from_file_location("pytorch_errors", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    measured, recorded = module.errors(torch), pytorch_errors()
    assert recorded["torch"] == torch.__version__.partition("+")[0]
    assert set(recorded["errors"]) == set(measured) >= set(UNFOLD)
    smallest = np.finfo(np.float64).eps
    for op, error in recorded["errors"].items():
        ratio = max(measured[op], smallest) / max(error, smallest)
        assert 1 / 20 < ratio < 20, op
        assert error < 1e-10
