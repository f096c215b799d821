"""``scratchgpt bench``: measure the speed of a model on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.completion import complete, precisions, shapes
from scratchgpt.cli.console import byte_count, message, write_json, write_line, write_wrapped
from scratchgpt.cli.kernels import Device, Threads, prepare_kernels
from scratchgpt.errors import counted

if TYPE_CHECKING:
    from scratchgpt.measure import Benchmark, Breakdown, Shape, Times

EPILOG = """Examples:

scratchgpt bench

scratchgpt bench gpt2 --no-breakdown

scratchgpt bench baby --precision bf16

scratchgpt bench runs/first --batch 12 --json

scratchgpt bench gpt2 --batch 8 --block 1024 --device cuda
"""


def bench_command(
    shape: Annotated[
        str,
        typer.Argument(
            help="A benchmark shape (char, baby or gpt2, the shapes in the README), a preset "
            "(preset:char, because the shape char has another vocabulary and biases), or the "
            "folder of a model or run.",
            autocompletion=complete(shapes, folders=True),
        ),
    ] = "char",
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Rows per batch.", show_default="from the shape, or 1"),
    ] = None,
    block: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens per row.", show_default="from the shape, or block_size"),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.0, max=86_400, help="Duration of each measurement, in seconds.")
    ] = 3.0,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Maximum repetitions of each measurement.",
            show_default="as many as fit into --seconds",
        ),
    ] = None,
    breakdown: Annotated[
        bool,
        typer.Option("--breakdown/--no-breakdown", help="Also measure each operation."),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    precision: Annotated[
        str,
        typer.Option(
            help="Precision of the matrix products in training: float32, bf16, or tf32 on a GPU.",
            autocompletion=complete(precisions),
        ),
    ] = "float32",
    threads: Threads = None,
    device: Device = "cpu",
) -> None:
    """Measure the speed of a model in training and in generation.

    The speed is compared with the limits of the machine: matrix products for training, memory reads
    for generation. Weights and tokens are random. Training uses AdamW, generation a batch of one
    text.
    """
    from scratchgpt.device import check_device
    from scratchgpt.measure import benchmark
    from scratchgpt.recipes.limits import check_memory

    check_device(device)
    chosen = _shape(shape, batch, block)
    check_memory(chosen.config.replace(block_size=chosen.n_time), chosen.n_batch)
    prepare_kernels(threads, precision, device=device)
    result = benchmark(
        chosen,
        precision=precision,
        seconds=seconds,
        most=steps,
        breakdown=breakdown,
        report=message,
        device=device,
    )
    if as_json:
        write_json({"shape": shape, **result.as_dict()})
        return
    write_wrapped(f"{shape}: {', '.join(f'{k} {v}' for k, v in chosen.config.as_dict().items())}")
    write_line(
        f"{chosen.n_batch} x {chosen.n_time} tokens in float32"
        f"{', products in bfloat16' if precision == 'bf16' else ''}, "
        + (
            f"{counted(result.threads, 'thread')}"
            f"{'' if result.kernels else ', without compiled kernels'}"
            if device == "cpu"
            else f"on {device}"
        )
    )
    for title, rows in _sections(result).items():
        write_line(f"{title}:")
        for name, value in rows:
            write_line(f"  {name:<32} {value:>24}")
    if result.breakdown:
        _print_breakdown(result.breakdown)


def _shape(name: str, batch: int | None, block: int | None) -> "Shape":
    """Return the shape for a name, preset or folder, with batch and block overridden if given."""
    from pathlib import Path

    from scratchgpt.errors import UserError, did_you_mean
    from scratchgpt.measure import SHAPES, Shape
    from scratchgpt.models import PRESETS, GPTConfig
    from scratchgpt.recipes.model_folder import find_config

    preset = name.removeprefix("preset:")
    if name in SHAPES:
        shape = SHAPES[name]
    elif preset in PRESETS or Path(name).exists():
        config = find_config(preset if preset in PRESETS else name)
        if not isinstance(config, GPTConfig):
            raise UserError(f"{name} is not a GPT; bench measures only GPTs")
        shape = Shape(config, 1, config.block_size)
    else:
        names = [*SHAPES, *PRESETS]
        way_out = did_you_mean(name, names) or f"; choose {', '.join(SHAPES)}, a preset or a folder"
        raise UserError(f"there is no shape, preset or folder {name!r}{way_out}")
    if block is not None and block > shape.config.block_size:
        raise typer.BadParameter(
            f"{block} is longer than the model's context of "
            f"{counted(shape.config.block_size, 'token')}",
            param_hint="--block",
        )
    return shape._replace(n_batch=batch or shape.n_batch, n_time=block or shape.n_time)


def _sections(result: "Benchmark") -> dict[str, list[tuple[str, str]]]:
    speed, bandwidth = result.sgemm_flops / 1e9, result.read_bytes_per_s / 1e9
    sections = {
        "training step with AdamW": [
            *_times(result.step),
            ("tokens per second", f"{result.tokens_per_s:,.0f}"),
            (f"share of sgemm's {speed:.0f} GFLOP/s", f"{result.sgemm_share:.0%}"),
        ]
    }
    if result.peak_bytes is not None:
        sections["training step with AdamW"].append(("peak memory", byte_count(result.peak_bytes)))
    for one in result.decoding:
        sections[f"generation per token, weights in {one.dtype}"] = [
            *_times(one.times),
            ("tokens per second", f"{one.tokens_per_s:,.0f}"),
            ("weights read per token", byte_count(one.weight_bytes)),
            (f"share of memory's {bandwidth:.1f} GB/s", f"{one.bandwidth_share:.0%}"),
        ]
    return sections


def _times(times: "Times") -> list[tuple[str, str]]:
    median, low, high = (f"{1e3 * seconds:,.2f}" for seconds in times[:3])
    return [
        (f"time, median of {times.n:,}", f"{median} ms"),
        ("  5th to 95th percentile", f"{low} to {high} ms"),
    ]


def _print_breakdown(breakdown: "Breakdown") -> None:
    write_line(f"training step by operation, {1e3 * breakdown.seconds:,.2f} ms while being timed:")
    write_line(f"  {'operation':<18} {'forward':>12} {'backward':>12} {'total':>12}")
    for part in breakdown.parts:
        forward, backward, together = (
            "" if seconds is None else f"{1e3 * seconds:,.2f} ms"
            for seconds in (part.forward, part.backward, part.seconds)
        )
        write_line(
            f"  {part.name:<18} {forward:>12} {backward:>12} {together:>12} {part.share:>8.1%}"
        )
