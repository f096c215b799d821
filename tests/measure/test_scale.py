"""The model of scale: its limits, and its inverse."""

import math

import pytest

from scratchgpt.measure.scale import (
    Cluster,
    Workload,
    allreduce_seconds,
    least_tokens,
    scale_table,
    step_time,
)

CLUSTER = Cluster(flops=5e12, memory=4e11, latency=5e-6, network=1.1e10)
GPT2 = Workload.of_preset("gpt2")


def test_one_node_sends_nothing():
    time = step_time(GPT2, CLUSTER, 1, 1000)
    assert time.allreduce == 0
    assert time.efficiency == 1
    assert time.compute == 1000 * GPT2.flops_per_token / 5e12


def test_two_nodes_exchange_the_gradients_once_each_way():
    n_bytes = 1e6
    expected = 2 * CLUSTER.latency + n_bytes / CLUSTER.network
    assert allreduce_seconds(2, n_bytes, CLUSTER) == pytest.approx(expected)


def test_many_nodes_take_twice_the_time_of_the_gradients_and_the_latencies():
    n_bytes = 4.0 * GPT2.parameters
    pieces = math.ceil(n_bytes / 2**26)
    bandwidth = 2 * n_bytes / CLUSTER.network
    found = allreduce_seconds(1024, n_bytes, CLUSTER)
    assert found == pytest.approx(bandwidth + 20 * pieces * CLUSTER.latency, rel=2e-3)


@pytest.mark.parametrize("n", [2, 64, 1024])
@pytest.mark.parametrize("efficiency", [0.5, 0.8])
def test_the_least_tokens_give_the_efficiency(n, efficiency):
    tokens = least_tokens(GPT2, CLUSTER, n, efficiency)
    assert step_time(GPT2, CLUSTER, n, tokens).efficiency == pytest.approx(efficiency)
    assert step_time(GPT2, CLUSTER, n, 2 * tokens).efficiency > efficiency


def test_on_a_fast_network_any_batch_is_efficient():
    fast = Cluster(flops=1e9, memory=1e9, latency=0, network=1e15)
    assert least_tokens(GPT2, fast, 1024) == 0


def test_the_table_has_a_line_for_each_number_of_nodes():
    lines = scale_table(GPT2, CLUSTER, 2**19, (1, 2, 1024))
    assert [line.split()[0] for line in lines] == ["nodes", "1", "2", "1,024"]
    assert " 100% " in lines[1]
