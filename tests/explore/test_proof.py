"""The checks on a page are those of scratchgpt.verify, on the numbers of the step."""

import numpy as np
import pytest

from scratchgpt.explore.proof import prove
from scratchgpt.explore.record import record


def test_every_operation_and_every_parameter_passes(each_step):
    recording = record(each_step)
    proofs = prove(recording)
    assert all(proof.passed for proof in proofs)
    assert max(proof.worst for proof in proofs) < 1e-10
    checked = {proof.what for proof in proofs}
    assert checked == {call.op for call in recording.calls} | set(each_step.model.store.named)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_not_checked(step, bad):
    weight = step.model.store.named["transformer.wte.weight"].value
    used = set(step.batch.tokens.ravel())
    unused = next(v for v in range(len(weight)) if v not in used)
    weight[unused, 0] = bad
    assert prove(record(step)) == []  # the head uses every row
