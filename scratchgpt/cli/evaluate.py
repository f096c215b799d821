"""``scratchgpt eval``: how good a model is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchgpt.cli.generate import Which
from scratchgpt.cli.kernels import Threads, prepare_kernels

if TYPE_CHECKING:
    from scratchgpt.models import GPT
    from scratchgpt.text import Tokenizer, TokenStream

EPILOG = """Examples:

scratchgpt eval --model runs/first

scratchgpt eval --model runs/first other.txt --json

scratchgpt eval --model runs/addition

scratchgpt eval --model runs/de-en --beams 4

scratchgpt eval --model runs/de-en other.de other.en --json
"""


def eval_command(
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or of a model.")],
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text to evaluate on, all of it; for a model that translates, sentence pairs as "
            "train takes them. Without any: the validation part of the model's own corpus (of "
            "multi30k the test part), or the problems that its task held back.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows at a time.")] = 16,
    beams: Annotated[
        int, typer.Option(min=1, help="Hypotheses that a translation keeps; 1 is greedy.")
    ] = 4,
    alpha: Annotated[float, typer.Option(min=0.0, help="Length penalty of a translation.")] = 0.6,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Which checkpoint of a run.", show_default="average, or else best, or last"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    threads: Threads = None,
) -> None:
    """Measure loss and perplexity, exact match, or BLEU and chrF."""
    import json

    from scratchgpt.evaluation.exact_match import exact_match
    from scratchgpt.models import Transformer
    from scratchgpt.recipes.model_folder import load_any_model
    from scratchgpt.text import task_from_spec

    gpt, tokenizer = load_any_model(model, which and which.value)
    prepare_kernels(threads)
    run = None if corpus else _run_of(model)
    record: dict[str, Any]
    if isinstance(gpt, Transformer):
        from scratchgpt.cli.evaluate_translation import evaluate_translation

        record, lines = evaluate_translation(
            gpt, tokenizer, run, corpus or (), n_beams=beams, alpha=alpha
        )
    elif run is not None and run.task is not None:
        task = task_from_spec(run.task)
        match = exact_match(gpt, task)
        record = {"task": task.spec, "exact_match": match.fraction, "n_problems": match.n}
        lines = [f"exact match    {match.fraction:.2%} of {match.n:,} problems not trained on"]
        lines += [f"wrong          {wrong}, right: {right}" for wrong, right in match.failures[:5]]
    else:
        tokens, name = _text(corpus, run, tokenizer)
        record = {"text": name, **_measure(gpt, tokenizer, tokens, batch_size)}
        lines = [
            f"loss           {record['loss']:.4f} nats a token",
            f"perplexity     {record['perplexity']:.3f}",
            f"bits per byte  {record['bits_per_byte']:.4f}",
            f"tokens         {record['n_tokens']:,} ({record['n_bytes']:,} bytes) of {name}",
        ]
    print(json.dumps(record) if as_json else "\n".join(lines))


def _run_of(model: Path) -> Any:
    """The configuration of the run that a model belongs to."""
    from scratchgpt.errors import UserError
    from scratchgpt.recipes.config import CONFIG_FILE, read_run_config

    for folder in (model, model.resolve().parent):
        if (folder / CONFIG_FILE).exists():
            return read_run_config(folder / CONFIG_FILE)
    raise UserError(f"{model} is not part of a run; name the text to evaluate on")


def _text(corpus: list[str] | None, run: Any, tokenizer: "Tokenizer") -> "tuple[TokenStream, str]":
    """The tokens to evaluate on, and what to call them."""
    from scratchgpt.cli.console import preparation_progress
    from scratchgpt.errors import UserError
    from scratchgpt.recipes.language import RunData, open_data
    from scratchgpt.text import prepare

    if corpus:
        with preparation_progress() as progress:
            return prepare(corpus, tokenizer, progress=progress).tokens, ", ".join(corpus)
    with preparation_progress() as progress:
        data = open_data(run, progress)
    assert isinstance(data, RunData)  # as the model is no translator
    if data.tokenizer.fingerprint != tokenizer.fingerprint or data.corpus is None:
        raise UserError(
            "the corpus of this run now gives another tokenizer than the model's: its text has "
            "changed; name the text to evaluate on"
        )
    return data.corpus.val, f"the validation part of {', '.join(run.corpus)}"


def _measure(
    model: "GPT", tokenizer: "Tokenizer", tokens: "TokenStream", batch_size: int
) -> dict[str, Any]:
    """Loss and what follows from it, over all windows of a text.

    Each token but the first is predicted once, from at most block_size tokens before it.
    """
    import math

    from scratchgpt.memory import Arena
    from scratchgpt.text.batches import windows

    arena = Arena()
    total, n_tokens = 0.0, 0
    for x, y in windows(tokens, model.config.block_size, batch_size):
        with arena:
            total += float(model.loss(x, y)[0]) * y.size
        n_tokens += y.size
    n_bytes = sum(tokenizer.n_bytes(block) for block in tokens.slice(1, len(tokens)).blocks())
    loss = total / n_tokens
    return {
        "loss": loss,
        "perplexity": math.exp(loss),
        "bits_per_byte": total / math.log(2) / n_bytes,
        "n_tokens": n_tokens,
        "n_bytes": n_bytes,
    }
