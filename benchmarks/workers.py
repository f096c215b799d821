"""Two processes with one thread each, compared with one process with two threads.

    python benchmarks/workers.py                    speed, memory and the model of scale: minutes
    python benchmarks/workers.py --shapes char --rounds 1 --seconds 1
    python benchmarks/workers.py --kills 20         only: kill random workers of a run

Both programs train on the same whole batch, twice that of `scratchgpt bench`: one process in one
micro-batch, two processes in one each. The script reports the ratio of the times, the share of the
sum of the gradients, and the memory of a process with and without a divided optimizer. Then it fits
the model of scale (`scratchgpt/measure/scale.py`): the speed of one process alone with one thread,
and latency and bandwidth of a sum over two processes. From these it predicts the step of two
processes. It also projects to more nodes, as `docs/scale.md` does, with a plot.

A kill ends a worker of `scratchgpt train --workers 2` with SIGKILL at a random moment. The run is
resumed, and in the end it must have the bits of an uninterrupted run.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from report import figure, write_table

from scratchgpt.cli.launch import launch_command, mpi_environment
from scratchgpt.measure import SETTINGS, SHAPES, peak_memory, random_batch
from scratchgpt.measure.scale import Cluster, Workload, least_tokens, scale_table, step_time
from scratchgpt.models import GPT, describe
from scratchgpt.text import TokenBatch
from scratchgpt.threads import one_pool
from scratchgpt.training import NextToken
from scratchgpt.training.checkpoint import read_state
from scratchgpt.training.mpi import Mpi
from scratchgpt.training.step import Stepper
from scratchgpt.training.workers import ALONE

# Of docs/scale.md: assumptions, not measurements.
CLUSTERS = {
    "100 Gbit/s": Cluster(flops=5e12, memory=4e11, latency=5e-6, network=1.1e10),
    "10 Gbit/s": Cluster(flops=5e12, memory=4e11, latency=3e-5, network=1.1e9),
}
NODES = tuple(2**i for i in range(11))
TOKENS_PER_STEP = 2**19
SIZES = [2**i for i in range(10, 25, 2)]  # elements of a sum


class Timed(Mpi):
    """Workers that measure how long a sum takes, once all of them have arrived at it."""

    def __init__(self, *, shards: bool = False) -> None:
        super().__init__(shards=shards)
        self.seconds = 0.0

    def sum(self, flat: np.ndarray) -> None:
        self.any(False)
        began = time.perf_counter()
        super().sum(flat)
        self.seconds += time.perf_counter() - began


def contestant(shape: str, program: str, seconds: float) -> None:
    """Measure one program in this process; worker 0 prints the result."""
    size = SHAPES[shape]
    model = GPT(size.config)
    alone = program in ("one", "half")
    workers = ALONE if alone else Timed(shards=program == "shards")
    tokens, targets = random_batch(size)
    if program == "one":
        tokens, targets = np.tile(tokens, (2, 1)), np.tile(targets, (2, 1))

    class OneBatch:
        def train_batch(self, index: int) -> TokenBatch:
            return TokenBatch(tokens, targets)

        def validation_batches(self):
            return iter(())

    config = replace(SETTINGS, grad_accum=workers.size)
    stepper = Stepper(NextToken(model), OneBatch(), config, workers)
    laps, sums = [], []
    with one_pool():
        for _ in range(3):
            stepper.update(0)
        end = time.perf_counter() + seconds
        while workers.any(time.perf_counter() < end or len(laps) < 5):
            before = 0.0 if alone else workers.seconds
            began = time.perf_counter()
            stepper.update(0)
            laps.append(time.perf_counter() - began)
            sums.append(0.0 if alone else workers.seconds - before)
    result = {
        "seconds": statistics.median(laps),
        "allreduce": statistics.median(sums),
        "peak_mib": peak_memory() / 2**20,
        "sums": {} if alone else {n: time_of_sum(workers, n) for n in SIZES},
    }
    if workers.rank == 0:
        print(json.dumps(result))


def time_of_sum(workers: Timed, n: int) -> float:
    flat = np.zeros(n, np.float32)
    times = []
    for _ in range(7):
        before = workers.seconds
        workers.sum(flat)
        times.append(workers.seconds - before)
    return statistics.median(times)


def measure(shape: str, program: str, seconds: float) -> dict:
    n = 1 if program in ("one", "half") else 2
    threads = 2 if program == "one" else 1
    start = [] if n == 1 else launch_command(n)
    words = [sys.executable, __file__, "--shapes", shape, "--program", program]
    environment = {**mpi_environment(n, threads), "SCRATCHGPT_THREADS": str(threads)}
    done = subprocess.run(
        [*start, *words, "--seconds", str(seconds)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    [result] = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(result)


def median(rounds: list[dict], key: str) -> float:
    return statistics.median(one[key] for one in rounds)


def compare(shapes: list[str], rounds: int, seconds: float, out: Path) -> None:
    cells, data = [], {}
    for shape in shapes:
        found: dict[str, list[dict]] = {p: [] for p in ("one", "two", "half", "shards")}
        for _ in range(rounds):
            for program, results in found.items():
                results.append(measure(shape, program, seconds))
                took = 1e3 * results[-1]["seconds"]
                print(f"{shape}, {program}: {took:.1f} ms a step", file=sys.stderr, flush=True)
        data[shape] = found
        one, two, half = (median(found[p], "seconds") for p in ("one", "two", "half"))
        share = median(found["two"], "allreduce") / two
        latency, bandwidth = fit(found["two"])
        # The nodes are processes: the update is part of the measured time of one alone.
        sums = step_time(
            Workload(describe(SHAPES[shape].config).n_parameters, 0.0),
            Cluster(1.0, 1e30, latency, bandwidth),
            2,
            0,
        ).allreduce
        cells.append(
            [
                shape,
                f"{1e3 * one:.1f} ms",
                f"{1e3 * two:.1f} ms",
                f"{one / two:.2f}",
                f"{share:.1%}",
                f"{1e3 * (half + sums):.1f} ms ({(half + sums) / two - 1:+.0%})",
                f"{1e6 * latency:.0f} µs, {bandwidth / 1e9:.1f} GB/s",
                *(f"{median(found[p], 'peak_mib'):.0f} MiB" for p in ("two", "shards")),
            ]
        )
    headers = ["", "1 process, 2 threads", "2 processes, 1 thread", "throughput ratio"]
    headers += ["sum of the gradients", "predicted (error)", "α, β", "memory", "divided optimizer"]
    write_table("workers", headers, cells, data, out)


def fit(rounds: list[dict]) -> tuple[float, float]:
    """Fit latency and bandwidth to the times of sums over two processes.

    The time of the smallest is 2 α; the largest adds its bytes over β.
    """
    times = {n: statistics.median(one["sums"][str(n)] for one in rounds) for n in SIZES}
    latency = times[SIZES[0]] / 2
    return latency, 4 * SIZES[-1] / max(times[SIZES[-1]] - times[SIZES[0]], 1e-9)


def project(out: Path) -> None:
    """Print the tables of the projection, and plot the efficiency against the nodes."""
    with figure("scale", out) as panels:
        for preset in ("gpt2", "gpt2-xl"):
            work = Workload.of_preset(preset)
            for network, cluster in CLUSTERS.items():
                print(f"\n{preset}, {network}, {TOKENS_PER_STEP:,} tokens per step")
                print("\n".join(scale_table(work, cluster, TOKENS_PER_STEP, NODES)))
                values = [
                    step_time(work, cluster, n, TOKENS_PER_STEP / n).efficiency for n in NODES
                ]
                needed = least_tokens(work, cluster, NODES[-1]) * NODES[-1]
                label = f"{preset}, {network} (80 % on 1,024 from {needed / 1e6:.1f}M tokens)"
                for axes in panels:
                    axes.plot(NODES, values, marker="o", markersize=3, label=label)
        for axes in panels:
            axes.set_xscale("log", base=2)
            axes.set_xlabel("nodes")
            axes.set_ylabel(f"projected efficiency at {TOKENS_PER_STEP:,} tokens per step")
            axes.legend(frameon=False, fontsize=7)


def kill(n: int) -> None:
    """Kill random workers of a run, and compare its end with that of an uninterrupted run."""
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        text.write_text("the quick brown fox jumps over the lazy dog\n" * 500)
        words = ["--n-layer", "2", "--n-head", "2", "--n-embd", "32", "--block-size", "32"]
        words += ["--batch-size", "4", "--grad-accum", "2", "--schedule", "constant"]
        words += ["--warmup-steps", "0"]
        words += ["--eval-interval", "0", "--checkpoint-interval", "1", "--log-interval", "1"]
        base = [sys.executable, "-m", "scratchgpt", "train", str(text), *words, "--workers", "2"]
        killed, reached = Path(folder) / "killed", [0]
        for i in range(n):
            resume = ["--resume"] if i else []
            command = [*base, "--out", str(killed), "--steps", "1000000", *resume]
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            for line in process.stderr:
                if line.startswith("step ") and int(line.split()[1].replace(",", "")) > reached[-1]:
                    break
            time.sleep(rng.uniform(0, 0.3))
            [mpiexec] = children(process.pid)
            rank = rng.randrange(2)
            began = time.monotonic()
            os.kill(children(mpiexec)[rank], signal.SIGKILL)
            *_, last = process.stderr
            status, seconds = process.wait(timeout=60), time.monotonic() - began
            assert status == 1, last
            assert f"worker {rank} of 2 was ended by signal 9" in last, last
            reached.append(read_state(killed / "last").step)
            assert reached[-1] > reached[-2], reached
            print(f"kill {i + 1}: worker {rank}, at step {reached[-1]}, over in {seconds:.1f} s")
        steps = str(reached[-1] + 5)
        for out, resume in ((killed, ["--resume"]), (Path(folder) / "whole", [])):
            command = [*base, "--out", str(out), "--steps", steps, *resume]
            subprocess.run(command, check=True, capture_output=True, timeout=3600)
        for name in ("model.safetensors", "training_state.safetensors"):
            files = [
                (Path(folder) / run / "last" / name).read_bytes() for run in ("killed", "whole")
            ]
            assert files[0] == files[1], name
        print(f"after {n} kills, the run has the bits of an uninterrupted run of {steps} steps")


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--program", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.program:
        contestant(given.shapes[0], given.program, given.seconds)
    elif given.kills:
        kill(given.kills)
    else:
        compare(given.shapes, given.rounds, given.seconds, given.out)
        project(given.out)


if __name__ == "__main__":
    main()
