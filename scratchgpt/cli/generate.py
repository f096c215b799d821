"""``scratchgpt generate``: let a model write."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.kernels import Threads, prepare_kernels

if TYPE_CHECKING:
    from scratchgpt.generation import TextGeneration

EPILOG = """Examples:

scratchgpt generate --model runs/first --prompt "The "

scratchgpt generate -m models/gpt2 -p "The " --top-p 0.9 --num-samples 3

scratchgpt generate -m runs/addition -p "12+34=" --temperature 0

cat question.txt | scratchgpt generate -m runs/first -p - --stop END --json
"""


class Which(StrEnum):
    """The checkpoints of a run."""

    average = "average"
    best = "best"
    last = "last"


def generate_command(
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or of a model.")],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            "-p",
            metavar="TEXT",
            help="What to continue; - reads standard input, less its last newline. Give it "
            "several times for several prompts, or leave it out to start from nothing.",
            show_default=False,
        ),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="The most tokens to generate.")] = 200,
    temperature: Annotated[
        float, typer.Option(help="Below 1 bolder, above 1 more varied; 0 is greedy.")
    ] = 1.0,
    top_k: Annotated[
        int | None,
        typer.Option(help="Draw from the k most probable tokens.", show_default="all of them"),
    ] = None,
    top_p: Annotated[
        float, typer.Option(help="Draw from the fewest tokens whose probabilities sum to this.")
    ] = 1.0,
    min_p: Annotated[
        float,
        typer.Option(help="Draw from tokens with at least this share of the highest probability."),
    ] = 0.0,
    repetition_penalty: Annotated[
        float, typer.Option(help="Above 1: what has occurred becomes less probable.")
    ] = 1.0,
    stop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help="End before this text; may be repeated.", show_default=False
        ),
    ] = None,
    special_tokens: Annotated[
        bool,
        typer.Option(
            "--special-tokens",
            help="Take <|endoftext|> in a prompt for the token, as transformers does.",
        ),
    ] = False,
    num_samples: Annotated[int, typer.Option(min=1, help="Continuations of each prompt.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same text.")] = 0,
    stream: Annotated[
        bool, typer.Option("--stream/--no-stream", help="Show a single text while it grows.")
    ] = True,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="A JSON object a line and text: prompt, text, tokens, finish_reason.",
        ),
    ] = False,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Which checkpoint of a run.", show_default="average, or else best, or last"
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Continue prompts with text from a trained model.

    The texts go to standard output, notes to standard error.
    """
    import sys
    import time

    from scratchgpt.generation import SamplingConfig, StopMatcher, generate_text
    from scratchgpt.recipes.model_folder import load_model

    StopMatcher(stop or [])  # what it refuses is told before the prompt is shown
    sampling = SamplingConfig(temperature, top_k, top_p, min_p, repetition_penalty)
    prompts = _read_prompts(prompt or [""])
    gpt, tokenizer = load_model(model, which and which.value)
    prepare_kernels(threads)
    encode = tokenizer.encode_marked if special_tokens else tokenizer.encode
    _note_long_prompts([len(encode(text)) for text in prompts], gpt.config.block_size)

    streaming = stream and not as_json and len(prompts) * num_samples == 1
    if streaming:
        _write(prompts[0])
    started = time.perf_counter()
    results = generate_text(
        gpt,
        tokenizer,
        prompts,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        num_samples=num_samples,
        seed=seed,
        stop=stop or [],
        special_tokens=special_tokens,
        on_text=(lambda _prompt, _sample, text: _write(text)) if streaming else None,
    )
    elapsed = time.perf_counter() - started

    if as_json:
        _write_json(results)
    elif streaming:
        _write("\n")
    else:
        _write_texts(results, num_samples)
    n_tokens = sum(len(result.tokens) for result in results)
    print(
        f"{n_tokens} tokens in {elapsed:.2f} s, {n_tokens / elapsed:.0f} tokens/s", file=sys.stderr
    )


def _read_prompts(prompts: list[str]) -> list[str]:
    """The prompts, with standard input in place of ``-``."""
    from scratchgpt.cli.console import read_standard_input
    from scratchgpt.errors import UserError

    if "-" in prompts:
        text = read_standard_input()
        prompts = [text if prompt == "-" else prompt for prompt in prompts]
    for prompt in prompts:
        try:
            prompt.encode("utf-8")
        except UnicodeEncodeError:
            raise UserError(
                f"--prompt {prompt!r} is not UTF-8; set the terminal to UTF-8"
            ) from None
    return prompts


def _note_long_prompts(lengths: list[int], block_size: int) -> None:
    """Say so where the model will not see all of a prompt; lengths are in tokens."""
    import sys

    from scratchgpt.generation import window_start

    for i, n_tokens in enumerate(lengths, start=1):
        start = window_start(n_tokens, block_size)
        if start:
            print(
                f"prompt {i} has {n_tokens} tokens; the model starts from the last "
                f"{n_tokens - start} of them (its block_size is {block_size})",
                file=sys.stderr,
            )


def _write(text: str) -> None:
    """Text to standard output, at once; what its encoding lacks becomes ``?``."""
    import sys

    encoding = sys.stdout.encoding
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding))
    sys.stdout.flush()


def _write_texts(results: "list[TextGeneration]", num_samples: int) -> None:
    """Each prompt with its continuation; under a heading where there are several."""
    for i, result in enumerate(results):
        if len(results) > 1:
            of_sample = f", sample {i % num_samples + 1}" if num_samples > 1 else ""
            _write(f"--- prompt {i // num_samples + 1}{of_sample} ---\n")
        _write(f"{result.prompt}{result.text}\n")


def _write_json(results: "list[TextGeneration]") -> None:
    import json

    for result in results:
        record = {
            "prompt": result.prompt,
            "text": result.text,
            "tokens": result.tokens.tolist(),
            "finish_reason": result.finish_reason,
        }
        _write(json.dumps(record) + "\n")
