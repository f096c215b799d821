"""Speed measurements: of this machine and of a model on it, with advice on how to be faster.

There are no absolute targets. A training step is compared with the speed of matrix products
measured on the same machine, and generation with its measured memory bandwidth.
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
