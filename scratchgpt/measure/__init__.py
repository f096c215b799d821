"""How fast this machine is, how fast a model is on it, and what stands in the way.

Nothing here knows what a fast machine is: a training step is held against the matrix products that
the same machine was seen to make, and generation against the memory that it was seen to read.
"""

from scratchgpt.measure.advice import advice
from scratchgpt.measure.benchmark import Benchmark, Decoding, benchmark
from scratchgpt.measure.breakdown import Breakdown, Part, break_down
from scratchgpt.measure.findings import Findings, examine
from scratchgpt.measure.machine import peak_memory, read_bandwidth, sgemm_speed
from scratchgpt.measure.shapes import SHAPES, Shape
from scratchgpt.measure.timing import Times, repeat
from scratchgpt.measure.training_step import SETTINGS, one_batch_stepper, random_batch

__all__ = [
    "SETTINGS",
    "SHAPES",
    "Benchmark",
    "Breakdown",
    "Decoding",
    "Findings",
    "Part",
    "Shape",
    "Times",
    "advice",
    "benchmark",
    "break_down",
    "examine",
    "one_batch_stepper",
    "peak_memory",
    "random_batch",
    "read_bandwidth",
    "repeat",
    "sgemm_speed",
]
