r"""A model of the time of a data-parallel training step on many nodes.

A step of n nodes, each with b tokens, takes

.. math:: t(n) = \frac{f\,b}{F} + \frac{28\,P}{M} + a(n)

for a model with P parameters and f floating-point operations per token, on nodes that compute F
operations per second and move M bytes per second. AdamW reads four float32 arrays and writes three,
28 bytes per parameter. The sum of the gradients takes (Thakur, Rabenseifner and Gropp 2005, "
Optimization of Collective Communication Operations in MPICH", section 4.5)

.. math:: a(n) = 2\,\lceil\log_2 n\rceil\,k\,\alpha + 2\,\frac{n-1}{n}\,\frac{4P}{\beta}

on a network with latency α and β bytes per second, if the gradients are sent in k pieces.
"""

import math
from dataclasses import dataclass

from scratchgpt.models import describe, preset_config
from scratchgpt.training.mpi import PIECE_BYTES

_BYTES = 4  # of a float32
_ADAMW_BYTES = 7 * _BYTES  # read: parameter, gradient and two moments; write all but the gradient


@dataclass(frozen=True)
class Cluster:
    """The hardware of a projection: equal nodes and their network.

    Attributes
    ----------
    flops : float
        Floating-point operations per second that a node reaches in training, not its peak.
    memory : float
        Bytes per second between a node and its memory.
    latency : float
        Seconds that a message takes apart from its size (α).
    network : float
        Bytes per second between two nodes (β).
    """

    flops: float
    memory: float
    latency: float
    network: float


@dataclass(frozen=True)
class Workload:
    """A model to train.

    Attributes
    ----------
    parameters : int
    flops_per_token : float
        Floating-point operations of forward and backward pass per token.
    """

    parameters: int
    flops_per_token: float

    @classmethod
    def of_preset(cls, preset: str) -> "Workload":
        """Return the workload of a model by its name: ``gpt2``, ``gpt2-xl``."""
        found = describe(preset_config(preset))
        return cls(found.n_parameters, found.training_flops_per_token)


@dataclass(frozen=True)
class StepTime:
    """The seconds of a step, by what takes them."""

    compute: float
    update: float
    allreduce: float

    @property
    def total(self) -> float:
        return self.compute + self.update + self.allreduce

    @property
    def efficiency(self) -> float:
        """The time of one node alone, with the same tokens, over the time of the step."""
        return (self.compute + self.update) / self.total


def allreduce_seconds(n_nodes: int, n_bytes: float, cluster: Cluster) -> float:
    """Return the time of a sum of ``n_bytes`` over all nodes, a(n)."""
    pieces = math.ceil(n_bytes / PIECE_BYTES)
    messages = 2 * math.ceil(math.log2(n_nodes)) * pieces
    return messages * cluster.latency + 2 * (n_nodes - 1) / n_nodes * n_bytes / cluster.network


def step_time(work: Workload, cluster: Cluster, n_nodes: int, tokens_per_node: float) -> StepTime:
    """Return the time of a step in which each node trains on ``tokens_per_node``."""
    return StepTime(
        work.flops_per_token * tokens_per_node / cluster.flops,
        _ADAMW_BYTES * work.parameters / cluster.memory,
        allreduce_seconds(n_nodes, _BYTES * work.parameters, cluster),
    )


def least_tokens(work: Workload, cluster: Cluster, n_nodes: int, efficiency: float = 0.8) -> float:
    """Return the tokens per node below which the efficiency is less than ``efficiency``."""
    alone = step_time(work, cluster, n_nodes, 0)
    needed = alone.allreduce * efficiency / (1 - efficiency) - alone.update
    return max(0.0, needed) * cluster.flops / work.flops_per_token


def scale_table(
    work: Workload, cluster: Cluster, tokens_per_step: float, nodes: tuple[int, ...]
) -> list[str]:
    """Return a table: a step with ``tokens_per_step`` in all, and the least tokens for 80 %."""
    lines = [
        f"{'nodes':>6} {'step':>10} {'Allreduce':>10} {'efficiency':>11} "
        f"{'tokens/s':>12} {'tokens for 80 %':>16}"
    ]
    for n in nodes:
        time = step_time(work, cluster, n, tokens_per_step / n)
        least = least_tokens(work, cluster, n) * n
        lines.append(
            f"{n:>6,} {time.total:>8.2f} s {time.allreduce:>8.2f} s {time.efficiency:>10.0%} "
            f"{tokens_per_step / time.total:>12,.0f} {least:>16,.0f}"
        )
    return lines
