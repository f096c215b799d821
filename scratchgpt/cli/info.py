"""``scratchgpt info``: show the size, memory and arithmetic of a model."""

from dataclasses import asdict
from typing import Annotated

import typer

from scratchgpt.cli.completion import complete, presets
from scratchgpt.cli.console import byte_count, write_wrapped

EPILOG = """Examples:

scratchgpt info gpt2 --batch 4 --block 256

scratchgpt info runs/first --json
"""


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
    import json

    from scratchgpt.models import describe
    from scratchgpt.recipes.model_folder import find_config

    if model is None:
        _list_presets(as_json)
        return
    config = find_config(model)
    if block is not None:
        if block > config.block_size:
            raise typer.BadParameter(
                f"{block} is longer than the model's context of {config.block_size} tokens",
                param_hint="--block",
            )
        config = config.replace(block_size=block)
    description = describe(config, n_batch=batch)
    if as_json:
        record = {
            "model": model,
            "config": config.as_dict(),
            "batch": batch,
            **asdict(description),
            "training_bytes": description.training_bytes,
            "peak_bytes": description.peak_bytes,
            "recompute_peak_bytes": description.recompute_peak_bytes,
            "inference_bytes": description.inference_bytes,
        }
        print(json.dumps(record))
        return

    shape = ", ".join(f"{name} {value}" for name, value in config.as_dict().items())
    rows = [
        ("parameters", f"{description.n_parameters:,}"),
        ("  of which embeddings", f"{description.n_embedding_parameters:,}"),
        ("memory of a training step", byte_count(description.training_bytes)),
        ("  parameters", byte_count(description.parameter_bytes)),
        ("  gradients and moments", byte_count(description.optimizer_bytes)),
        ("  activations", byte_count(description.activation_bytes)),
        ("  activations with --recompute", byte_count(description.recompute_activation_bytes)),
        ("peak of a training process", byte_count(description.peak_bytes)),
        ("  with --recompute", byte_count(description.recompute_peak_bytes)),
        ("memory of generation", byte_count(description.inference_bytes)),
        ("  key-value cache", byte_count(description.cache_bytes)),
        ("forward pass per token", f"{description.forward_flops_per_token / 1e6:,.1f} MFLOP"),
        ("training step per token", f"{description.training_flops_per_token / 1e6:,.1f} MFLOP"),
    ]
    write_wrapped(f"{model}: {shape}")
    print(f"in float32, for {batch} x {config.block_size} tokens:")
    for name, value in rows:
        print(f"  {name:<32} {value:>16}")


def _list_presets(as_json: bool) -> None:
    import json

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
        print(json.dumps(records))
        return
    print(
        f"{'preset':<17} {'layers':>6} {'heads':>6} {'channels':>8} {'block':>6} {'parameters':>14}"
    )
    for r, layers in zip(records, layers_shown, strict=True):
        print(
            f"{r['preset']:<17} {layers:>6} {r['n_head']:>6} {r['n_embd']:>8} "
            f"{r['block_size']:>6} {r['n_parameters']:>14,}"
        )
    print("(GPT presets without a vocabulary size are counted with 50,257 tokens)")
