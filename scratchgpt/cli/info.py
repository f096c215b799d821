"""``scratchgpt info``: show the size, memory and arithmetic of a model."""

from dataclasses import asdict
from typing import Annotated

import typer

from scratchgpt.cli.completion import complete, presets
from scratchgpt.cli.console import byte_count, write_json, write_line, write_wrapped
from scratchgpt.errors import counted

EPILOG = """Examples:

scratchgpt info gpt2 --batch 4 --block 256

scratchgpt info runs/first --json
"""


# The costs that the table shows, with their titles.
ROWS = {
    "n_parameters": "parameters",
    "n_embedding_parameters": "  of which embeddings",
    "training_bytes": "memory of a training step",
    "parameter_bytes": "  parameters",
    "optimizer_bytes": "  gradients, moments of AdamW",
    "activation_bytes": "  activations",
    "recompute_activation_bytes": "  activations with --recompute",
    "peak_bytes": "peak of a training process",
    "recompute_peak_bytes": "  with --recompute",
    "inference_bytes": "memory of generation",
    "cache_bytes": "  key-value cache",
    "forward_flops_per_token": "forward pass per token",
    "training_flops_per_token": "training step per token",
}
WITHOUT_GENERATION = {  # of encoders, classifiers and reward models
    name: title for name, title in ROWS.items() if name not in ("inference_bytes", "cache_bytes")
}
OF_QUANTIZED = {  # it cannot be trained
    "n_parameters": "parameters",
    "n_embedding_parameters": "  of which embeddings",
    "inference_bytes": "memory of generation",
    "parameter_bytes": "  parameters",
    "cache_bytes": "  key-value cache",
    "forward_flops_per_token": "forward pass per token",
}


def info_command(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A preset, or the folder of a model or run. Without it, the presets are listed.",
            autocompletion=complete(presets, folders=True),
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Rows per batch.")] = 1,
    block: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens per row. [default: the model's block_size]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how many parameters, bytes and operations a model takes."""
    from scratchgpt.recipes.model_folder import find_kind

    if model is None:
        _list_presets(as_json)
        return
    kind, config = find_kind(model)
    if block is not None:
        if block > config.block_size:
            raise typer.BadParameter(
                f"{block} is longer than the model's context of "
                f"{counted(config.block_size, 'token')}",
                param_hint="--block",
            )
        config = config.replace(block_size=block)
    description = kind.count_cost(config, batch, 4)
    costs = {
        **asdict(description),
        "training_bytes": description.training_bytes,
        "peak_bytes": description.peak_bytes,
        "recompute_peak_bytes": description.recompute_peak_bytes,
        "inference_bytes": description.inference_bytes,
    }
    titles = OF_QUANTIZED if kind.quantized else ROWS
    if config.verb in ("embed", "predict", "eval"):
        titles = WITHOUT_GENERATION
    if kind.quantized:
        costs = {name: costs[name] for name in titles}
    if as_json:
        record = {"model": model, "config": config.as_dict(), "batch": batch}
        write_json({**record, "quantized": kind.quantized, **costs})
        return

    shape = ", ".join(f"{name} {value}" for name, value in config.as_dict().items())
    rows = [(title, _formatted(name, costs[name])) for name, title in titles.items()]
    write_wrapped(f"{model}: {shape}")
    weights = "8-bit weights, only for generation" if kind.quantized else "float32"
    write_line(f"in {weights}, for {batch} x {config.block_size} tokens:")
    for name, value in rows:
        write_line(f"  {name:<32} {value:>16}")


def _formatted(name: str, cost: int) -> str:
    if name.endswith("_bytes"):
        return byte_count(cost)
    if "flops" in name:
        return f"{cost / 1e6:,.1f} MFLOP" if cost >= 1e5 else f"{cost:,} FLOP"
    return f"{cost:,}"


def _list_presets(as_json: bool) -> None:

    from scratchgpt.models import ALL_PRESETS, describe, preset_config

    records = []
    layers_shown = []
    for name in ALL_PRESETS:
        config = preset_config(name)
        layers_shown.append("+".join(str(n) for n in config.layer_counts.values()))
        records.append(
            {
                "preset": name,
                **config.layer_counts,
                "n_head": config.n_head,
                "n_embd": config.n_embd,
                "block_size": config.block_size,
                "n_parameters": describe(config).n_parameters,
            }
        )
    if as_json:
        write_json(records)
        return
    write_line(
        f"{'preset':<17} {'layers':>6} {'heads':>6} {'channels':>8} {'block':>6} {'parameters':>14}"
    )
    for r, layers in zip(records, layers_shown, strict=True):
        write_line(
            f"{r['preset']:<17} {layers:>6} {r['n_head']:>6} {r['n_embd']:>8} "
            f"{r['block_size']:>6} {r['n_parameters']:>14,}"
        )
    write_line("(GPT presets without a vocabulary size are counted with 50,257 tokens)")
