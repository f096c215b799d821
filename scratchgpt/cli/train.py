"""``scratchgpt train``: from text to a model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.training.config import TrainConfig

EPILOG = """Examples:

scratchgpt train python-docs --out runs/first

scratchgpt train novel.txt notes/ --tokenizer bpe:2000 --out runs/mine

scratchgpt train --config examples/addition.toml --out runs/addition

scratchgpt train --config run.toml --lr 3e-4 --out runs/mine

scratchgpt train --task translation dates --out runs/dates

scratchgpt train --task translation multi30k:de-en --out runs/de-en

scratchgpt train --task translation mine.de mine.en --tokenizer bpe:4000 --out runs/mine

scratchgpt train novel.txt --init models/gpt2 --freeze wte,wpe --out runs/mine

scratchgpt train novel.txt --preset gpt2 --tokenizer bpe:8000 --precision bf16 --out runs/mine

scratchgpt train --out runs/mine --resume --steps 10000
"""

# The options of each section of the configuration file; the others belong to its top level.
MODEL_OPTIONS = (
    "n_layer",
    "n_encoder_layer",
    "n_decoder_layer",
    "n_head",
    "n_embd",
    "n_inner",
    "block_size",
    "dropout",
    "bias",
    "norm_position",
    "activation",
    "tied_head",
)
TOP_OPTIONS = ("corpus", "task", "tokenizer", "val_fraction", "preset", "init")
RUN_OPTIONS = ("out", "config", "resume", "as_json", "threads")


def _option(text: str, *names: str, default: object = None) -> Any:
    """An option that stands over the configuration file; left out, it changes nothing."""
    shown = "" if default is None else f" [default: {default}]"
    return typer.Option(*names, help=text + shown, show_default=False)


def _training(name: str, text: str, *names: str) -> Any:
    """An option of the [training] section."""
    return _option(text, *names, default=getattr(TrainConfig, name))


def train_command(
    context: typer.Context,
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text files, folders, globs, - for standard input, or a name: python-docs, "
            "tinyshakespeare. For translation two files line by line, a .tsv, a .jsonl, or "
            "multi30k (multi30k:en-de the other way) or dates.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the model, its checkpoints and its curves.")
    ] = Path("runs/gpt"),
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings; options stand over it.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, exactly where it was.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The result as one JSON object on stdout.")
    ] = False,
    task: Annotated[
        str | None,
        _option("Learn a task instead: addition, addition:3, sort, sort:8:5; or translation."),
    ] = None,
    tokenizer: Annotated[
        str | None,
        _option("characters, bytes, bpe:SIZE or a tokenizer.json.", default="characters"),
    ] = None,
    val_fraction: Annotated[
        float | None, _option("Share of the corpus that validates.", default="0.1")
    ] = None,
    preset: Annotated[
        str | None, _option("Size of the model; see scratchgpt info.", default="char")
    ] = None,
    init: Annotated[
        str | None, _option("Folder of a model or run to start from; its sizes and tokenizer.")
    ] = None,
    freeze: Annotated[
        str | None, _option("With it, layers that stay as they are, such as wte,wpe,h.0.")
    ] = None,
    n_layer: Annotated[int | None, _option("Blocks of a GPT.")] = None,
    n_encoder_layer: Annotated[
        int | None, _option("Blocks that read, of a model that translates.")
    ] = None,
    n_decoder_layer: Annotated[int | None, _option("Blocks that write, of such a model.")] = None,
    n_head: Annotated[int | None, _option("Attention heads of a block.")] = None,
    n_embd: Annotated[int | None, _option("Channels.")] = None,
    n_inner: Annotated[
        int | None, _option("Width of the feed-forward layers; by default 4 n_embd.")
    ] = None,
    block_size: Annotated[
        int | None, _option("Context, in tokens; of a source and of its translation.")
    ] = None,
    dropout: Annotated[float | None, _option("Share that is dropped.")] = None,
    bias: Annotated[
        bool | None,
        _option("Biases in linear maps and norms.", "--bias/--no-bias"),
    ] = None,
    norm_position: Annotated[
        str | None, _option("pre (as GPT-2) or post (as GPT-1 and the Transformer of 2017).")
    ] = None,
    activation: Annotated[str | None, _option("gelu_tanh, gelu or relu.")] = None,
    tied_head: Annotated[
        bool | None,
        _option("Whether the head is the embedding.", "--tied-head/--untied-head"),
    ] = None,
    steps: Annotated[int | None, _training("steps", "Updates of the parameters.")] = None,
    batch_size: Annotated[int | None, _training("batch_size", "Rows of a batch.")] = None,
    tokens_per_batch: Annotated[
        int | None,
        _training(
            "tokens_per_batch",
            "Of sentence pairs instead of rows: tokens that the sources of a batch, and its "
            "translations, may take.",
        ),
    ] = None,
    grad_accum: Annotated[
        int | None, _training("grad_accum", "Batches summed for an update.")
    ] = None,
    lr: Annotated[float | None, _training("lr", "Highest learning rate.")] = None,
    min_lr: Annotated[
        float | None, _training("min_lr", "Learning rate at the end; by default lr / 10.")
    ] = None,
    schedule: Annotated[
        str | None,
        _training("schedule", "What follows the warm-up: cosine, constant or inverse_sqrt."),
    ] = None,
    warmup_steps: Annotated[
        int | None,
        _training(
            "warmup_steps",
            "Steps of warm-up; by default a 20th, at most 100 (of inverse_sqrt a 10th, at "
            "most 4000).",
        ),
    ] = None,
    weight_decay: Annotated[float | None, _training("weight_decay", "Decay of matrices.")] = None,
    beta1: Annotated[float | None, _training("beta1", "AdamW's first beta.")] = None,
    beta2: Annotated[float | None, _training("beta2", "AdamW's second beta.")] = None,
    grad_clip: Annotated[float | None, _training("grad_clip", "Largest gradient norm.")] = None,
    label_smoothing: Annotated[
        float | None,
        _training("label_smoothing", "Share of a target's probability spread over all tokens."),
    ] = None,
    average: Annotated[
        int | None,
        _training("average", "How many of the last checkpoints are averaged in the end."),
    ] = None,
    recompute: Annotated[
        bool | None,
        _training("recompute", "Less memory for more arithmetic.", "--recompute/--no-recompute"),
    ] = None,
    precision: Annotated[
        str | None,
        _training(
            "precision",
            "float32, or bf16: faster matrix products, where the processor has AVX-512 BF16.",
        ),
    ] = None,
    seed: Annotated[int | None, _training("seed", "Decides all that is random.")] = None,
    eval_interval: Annotated[
        int | None, _training("eval_interval", "Steps between evaluations.")
    ] = None,
    eval_batches: Annotated[
        int | None, _training("eval_batches", "Batches of an evaluation; by default all.")
    ] = None,
    sample_interval: Annotated[
        int | None, _training("sample_interval", "Steps between samples; 0 for none.")
    ] = None,
    checkpoint_interval: Annotated[
        int | None, _training("checkpoint_interval", "Steps between checkpoints.")
    ] = None,
    log_interval: Annotated[
        int | None, _training("log_interval", "Steps between lines of the log.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Train a model: to continue text, to solve tasks, to translate.

    Ctrl-C saves and stops; --resume goes on as if nothing had happened.

    For --task translation the defaults are other ones than those shown here: the recipe of the
    2017 Transformer, with a preset (transformer-small, for dates transformer-tiny), a joint
    vocabulary (bpe:8000, for dates characters), warm-up and inverse square root, label smoothing
    and the average of the last checkpoints. The configuration in --out shows them all.
    """
    given = {name: value for name, value in context.params.items() if value not in (None, ())}
    options: dict[str, Any] = {"model": {}, "training": {}}
    for name, value in given.items():
        if name in TOP_OPTIONS:
            options[name] = value
        elif name in MODEL_OPTIONS:
            options["model"][name] = value
        elif name not in RUN_OPTIONS:
            options["training"][name] = value

    from scratchgpt.cli.training_run import resolve_run, train_run

    run = resolve_run(out, config, options, resume=resume)
    prepare_kernels(threads, run.training.precision)
    train_run(run, out, resume=resume, as_json=as_json)
