"""Scaling of the time and memory of a training step with T, channels, layers and threads.

    python benchmarks/scaling.py [--rounds 1]

Each point is a separate process. Its time is compared with the arithmetic in its matrix products.
Its memory, after the kernels are loaded, is compared with the prediction of `scratchgpt info`
(parameters, gradients, moments and activations). The script writes a table, JSON and a plot, in
which points that grow as predicted are on a straight line.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from interleave import Contestant, benchmark_parser, contest, contestant_of, duration
from measure import median_seconds, peak_mib, print_result
from report import figure, write_table

from scratchgpt.measure import Shape, one_batch_stepper, random_batch
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.threads import n_cores, one_pool

BATCH, VOCABULARY, HEAD_SIZE = 4, 65, 32
BASE = {"T": 128, "channels": 256, "layers": 4, "threads": n_cores()}
AXES = {
    "T": [64, 128, 256, 512, 1024],
    "channels": [64, 128, 256, 512, 1024],
    "layers": [1, 2, 4, 8, 16],
    "threads": [*range(1, n_cores() + 1)] if n_cores() <= 4 else [1, n_cores() // 2, n_cores()],
}
HEADERS = [*BASE, "GFLOP", "time", "GFLOP/s", "memory", "predicted", "memory / predicted"]


def shape_of(n_layer: int, n_embd: int, n_batch: int, n_time: int) -> Shape:
    config = GPTConfig(
        n_layer=n_layer,
        n_head=n_embd // HEAD_SIZE,
        n_embd=n_embd,
        block_size=n_time,
        vocab_size=VOCABULARY,
    )
    return Shape(config, n_batch, n_time)


def ours(n_time: int, n_embd: int, n_layer: int) -> None:
    small = shape_of(n_layer=1, n_embd=HEAD_SIZE, n_batch=1, n_time=32)
    one_batch_stepper(GPT(small.config), *random_batch(small)).update(0)  # loads the kernels
    before = peak_mib()
    shape = shape_of(n_layer, n_embd, BATCH, n_time)
    model = GPT(shape.config)
    run = one_batch_stepper(model, *random_batch(shape))
    with one_pool():
        seconds = median_seconds(lambda: run.update(0), at_least=1.0, warm_up=2)
    print_result(
        seconds,
        memory_mib=peak_mib() - before,
        predicted_mib=model.describe(n_batch=BATCH).training_bytes / 2**20,
        gflop=shape.training_flops / 1e9,
    )


def point(axis: str, size: int) -> Contestant:
    """Return a process that measures one step."""
    at = {**BASE, axis: size}
    sizes = ["--point", at["T"], at["channels"], at["layers"]]
    threads = {"SCRATCHGPT_THREADS": str(at["threads"])}
    process = contestant_of(__file__, "ours", *sizes, environment=threads)
    return replace(process, name=f"{axis} {size}")


def main() -> None:
    parser = benchmark_parser(__doc__, ["ours"], rounds=1)
    parser.add_argument("--point", type=int, nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        ours(*arguments.point)
        return
    points = {(axis, size): point(axis, size) for axis, sizes in AXES.items() for size in sizes}
    contest(list(points.values()), arguments.rounds)
    cells, rounds = [], {axis: {} for axis in AXES}
    for (axis, size), one in points.items():
        rounds[axis][size] = one.rounds
        at = {**BASE, axis: size}
        time, gflop, memory, predicted = map(
            one.median, ("seconds", "gflop", "memory_mib", "predicted_mib")
        )
        cells.append(
            [
                *(f"**{value}**" if name == axis else str(value) for name, value in at.items()),
                *(f"{gflop:.2f}", duration(time), f"{gflop / time:.0f}"),
                *(f"{memory:.0f} MiB", f"{predicted:.0f} MiB", f"{memory / predicted:.2f}"),
            ]
        )
    write_table("scaling", HEADERS, cells, rounds, arguments.out)
    plot(points, arguments.out)


def plot(points: dict[tuple[str, int], Contestant], out: Path) -> None:
    """Plot time against arithmetic, and memory against its prediction, on logarithmic axes."""
    fastest = max(one.median("gflop") / one.median("seconds") for one in points.values())
    panels = (
        ("gflop", "GFLOP per step", "seconds", "seconds", 1 / fastest, f"{fastest:.0f} GFLOP/s"),
        ("predicted_mib", "predicted MiB", "memory_mib", "MiB", 1.0, "as predicted"),
    )
    with figure("scaling", out, len(panels), figsize=(11, 5)) as drawn:
        for axes, (x, x_label, y, y_label, slope, line) in zip(drawn, panels, strict=False):
            for name, sizes in AXES.items():
                along = [points[name, size] for size in sizes]
                xs, ys = ([one.median(key) for one in along] for key in (x, y))
                axes.loglog(xs, ys, "o-", label=name)
            xs = [one.median(x) for one in points.values()]
            ends = [min(xs), max(xs)]
            axes.loglog(ends, [slope * end for end in ends], "--", color="gray", label=line)
            axes.set_xlabel(x_label)
            axes.set_ylabel(y_label)
            axes.legend()


if __name__ == "__main__":
    main()
