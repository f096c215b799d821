"""Benchmark of a model: its training and generation, compared with the machine's peak speed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scratchgpt.backend import kernels_available
from scratchgpt.device import array_library
from scratchgpt.layers.device import move_parameters
from scratchgpt.measure.breakdown import Breakdown, break_down
from scratchgpt.measure.decoding import time_tokens, weight_bytes
from scratchgpt.measure.gpu import (
    gpu_peak_memory,
    gpu_read_bandwidth,
    gpu_sgemm_speed,
    synchronize,
)
from scratchgpt.measure.machine import (
    n_threads_in_use,
    peak_memory,
    read_bandwidth,
    sgemm_speed,
)
from scratchgpt.measure.shapes import Shape
from scratchgpt.measure.timing import Times, repeat
from scratchgpt.measure.training_step import one_batch_stepper, random_batch
from scratchgpt.models import GPT, QuantizedGPT
from scratchgpt.threads import one_pool


@dataclass(frozen=True)
class Decoding:
    """The speed at which a model generates one text.

    Attributes
    ----------
    dtype : str
        Data type of the weights.
    times : Times
        Time per token.
    weight_bytes : int
        Bytes of the model that one token reads.
    bandwidth_share : float
        Fraction of the measured bandwidth; it can exceed 1 if the model fits in the cache.
    """

    dtype: str
    times: Times
    weight_bytes: int
    bandwidth_share: float

    @property
    def tokens_per_s(self) -> float:
        return 1 / self.times.median


@dataclass(frozen=True)
class Benchmark:
    """The measurements for one shape.

    Attributes
    ----------
    shape : Shape
    precision : {"float32", "bf16", "tf32"}
        Precision of the training step.
    kernels : bool
        Whether the compiled kernels were used.
    threads : int
    step : Times
        Time of a training step.
    peak_bytes : int or None
        Peak memory of the process after the training steps.
    sgemm_flops, read_bytes_per_s : float
        Peak speed of matrix products and of reading memory, with the same number of threads.
    decoding : tuple of Decoding
    breakdown : Breakdown or None
    device : str
        Where everything was measured.
    """

    shape: Shape
    precision: str
    kernels: bool
    threads: int
    step: Times
    peak_bytes: int | None
    sgemm_flops: float
    read_bytes_per_s: float
    decoding: tuple[Decoding, ...]
    breakdown: Breakdown | None
    device: str = "cpu"

    @property
    def tokens_per_s(self) -> float:
        """Training tokens per second."""
        return self.shape.n_tokens / self.step.median

    @property
    def flops(self) -> float:
        """Multiplications and additions of training per second."""
        return self.shape.training_flops / self.step.median

    @property
    def sgemm_share(self) -> float:
        """Speed of a training step as a fraction of the measured speed of matrix products."""
        return self.flops / self.sgemm_flops

    def as_dict(self) -> dict[str, Any]:
        """Return all measurements as JSON values."""
        return {
            "config": self.shape.config.as_dict(),
            "device": self.device,
            "batch": self.shape.n_batch,
            "block": self.shape.n_time,
            "dtype": "float32",
            "precision": self.precision,
            "kernels": self.kernels,
            "threads": self.threads,
            "step": {
                **_in_ms(self.step),
                "tokens_per_s": self.tokens_per_s,
                "gflop": self.shape.training_flops / 1e9,
                "gflop_per_s": self.flops / 1e9,
                "sgemm_share": self.sgemm_share,
            },
            "peak_bytes": self.peak_bytes,
            "sgemm_gflop_per_s": self.sgemm_flops / 1e9,
            "read_gb_per_s": self.read_bytes_per_s / 1e9,
            "decode": [
                {
                    "dtype": one.dtype,
                    **_in_ms(one.times),
                    "tokens_per_s": one.tokens_per_s,
                    "weight_bytes": one.weight_bytes,
                    "bandwidth_share": one.bandwidth_share,
                }
                for one in self.decoding
            ],
            "breakdown": None if self.breakdown is None else _breakdown_in_ms(self.breakdown),
        }


def benchmark(
    shape: Shape,
    *,
    precision: str = "float32",
    seconds: float = 3.0,
    most: int | None = None,
    breakdown: bool = True,
    report: Callable[[str], None] = lambda text: None,
    device: str = "cpu",
) -> Benchmark:
    """Measure training on random tokens, and generation, for a model of one shape.

    Parameters
    ----------
    shape : Shape
    precision : {"float32", "bf16", "tf32"}
        Type to which the factors of the matrix products of training are rounded.
    seconds : float
        Duration of each measurement, which has at least three repetitions.
    most : int, optional
        Maximum number of repetitions.
    breakdown : bool
        Whether to also run training steps with each operation timed.
    report : callable
        Called with a line of text when a measurement begins.
    device : str
        ``cpu``, ``cuda`` or ``cuda:1``. A GPU is not measured with 8-bit weights.
    """
    machine = _Machine(device)
    with one_pool():
        model = GPT(shape.config)
        move_parameters(model, machine.library)
        stepper = one_batch_stepper(model, *random_batch(shape), precision)
        report("training steps ...")
        # The first step finds out how much memory is needed, the second one touches it.
        step = repeat(lambda: stepper.update(0), seconds=seconds, most=most, warm_up=3)
        peak_bytes = machine.peak_memory()  # before anything else allocates memory
        parts = None
        if breakdown:
            report("training steps with each operation timed ...")
            parts = break_down(stepper, seconds=seconds, most=most, wait=machine.wait)

        report("peak speed of the machine ...")
        short = min(1.0, seconds)
        speed = machine.sgemm_speed(short)
        bandwidth = machine.read_bandwidth(short)

        decoding = []
        for dtype in ("float32", "int8") if device == "cpu" else ("float32",):
            report(f"generation in {dtype} ...")
            writer = model if dtype == "float32" else QuantizedGPT(model)
            times = time_tokens(writer, seconds=seconds, most=most)
            n_bytes = weight_bytes(writer)
            decoding.append(Decoding(dtype, times, n_bytes, n_bytes / times.median / bandwidth))
    return Benchmark(
        shape=shape,
        precision=precision,
        kernels=kernels_available() and device == "cpu",
        threads=n_threads_in_use(),
        step=step,
        peak_bytes=peak_bytes,
        sgemm_flops=speed,
        read_bytes_per_s=bandwidth,
        decoding=tuple(decoding),
        breakdown=parts,
        device=device,
    )


class _Machine:
    """The measurements that differ between the CPU and a GPU."""

    def __init__(self, device: str) -> None:
        self.library = array_library(device)
        self._on_cpu = device == "cpu"

    def wait(self) -> None:
        if not self._on_cpu:
            synchronize(self.library)

    def peak_memory(self) -> int | None:
        return peak_memory() if self._on_cpu else gpu_peak_memory(self.library)

    def sgemm_speed(self, seconds: float) -> float:
        if self._on_cpu:
            return sgemm_speed(seconds=seconds)
        return gpu_sgemm_speed(self.library, seconds=seconds)

    def read_bandwidth(self, seconds: float) -> float:
        if self._on_cpu:
            return read_bandwidth(seconds=seconds)
        return gpu_read_bandwidth(self.library, seconds=seconds)


def _in_ms(times: Times) -> dict[str, Any]:
    return {
        "median_ms": 1e3 * times.median,
        "low_ms": 1e3 * times.low,
        "high_ms": 1e3 * times.high,
        "n": times.n,
    }


def _breakdown_in_ms(breakdown: Breakdown) -> dict[str, Any]:
    def in_ms(seconds: float | None) -> float | None:
        return None if seconds is None else 1e3 * seconds

    return {
        "step_ms": in_ms(breakdown.seconds),
        "n": breakdown.n_steps,
        "parts": [
            {
                "name": part.name,
                "forward_ms": in_ms(part.forward),
                "backward_ms": in_ms(part.backward),
                "ms": in_ms(part.seconds),
                "share": part.share,
                "calls": part.calls,
            }
            for part in breakdown.parts
        ],
    }
