import json

import pytest

from scratchgpt.backend import kernels_available
from scratchgpt.measure import benchmark


@pytest.fixture
def reported():
    return []


@pytest.fixture
def result(shape, reported):
    return benchmark(shape, seconds=0.0, most=2, report=reported.append)


def test_json_has_all_of_it(result, reported):
    record = json.loads(json.dumps(result.as_dict()))
    assert (record["batch"], record["block"]) == (3, 6)
    assert record["config"]["n_embd"] == 8
    assert record["kernels"] is kernels_available()
    assert record["step"]["n"] == 2
    assert [one["dtype"] for one in record["decode"]] == ["float32", "int8"]
    assert record["breakdown"]["n"] == 2
    assert len(reported) == 5


def test_figures_follow_from_the_times(result, shape):
    step = result.step.median
    assert result.tokens_per_s == pytest.approx(18 / step)
    assert result.sgemm_share == pytest.approx(shape.training_flops / step / result.sgemm_flops)
    for one in result.decoding:
        reads = one.weight_bytes / one.times.median
        assert one.bandwidth_share == pytest.approx(reads / result.read_bytes_per_s)
        assert one.tokens_per_s == pytest.approx(1 / one.times.median)
    assert result.decoding[1].weight_bytes < result.decoding[0].weight_bytes


def test_the_breakdown_can_be_left_out(shape):
    assert benchmark(shape, seconds=0.0, most=1, breakdown=False).breakdown is None
