"""``scratchgpt generate``: generate text with a trained model."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.console import message, read_prompts, write_json, write_text
from scratchgpt.cli.kernels import Device, Threads, prepare_kernels
from scratchgpt.cli.sampling import (
    MaxNewTokens,
    MinP,
    RepetitionPenalty,
    Seed,
    Temperature,
    TopK,
    TopP,
)
from scratchgpt.errors import counted

if TYPE_CHECKING:
    from scratchgpt.generation import TextGeneration
    from scratchgpt.models import GPT, QuantizedGPT

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
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or model.")],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            "-p",
            metavar="TEXT",
            help="Text to continue; - reads standard input without its last newline. Repeat the "
            "option for several prompts; leave it out to start without a prompt.",
            show_default=False,
        ),
    ] = None,
    max_new_tokens: MaxNewTokens = 200,
    temperature: Temperature = 1.0,
    top_k: TopK = None,
    top_p: TopP = 1.0,
    min_p: MinP = 0.0,
    repetition_penalty: RepetitionPenalty = 1.0,
    stop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Stop before this text; may be given several times.",
            show_default=False,
        ),
    ] = None,
    special_tokens: Annotated[
        bool,
        typer.Option(
            "--special-tokens",
            help="Read <|endoftext|> in a prompt as the special token, as transformers does.",
        ),
    ] = False,
    num_samples: Annotated[int, typer.Option(min=1, help="Continuations per prompt.")] = 1,
    seed: Seed = 0,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream/--no-stream",
            help="Print the text while it is generated, if there is only one.",
        ),
    ] = True,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per text, one per line: prompt, text, tokens, "
            "finish_reason.",
        ),
    ] = False,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Checkpoint of the run.", show_default="the first of average, best, last"
        ),
    ] = None,
    threads: Threads = None,
    device: Device = "cpu",
) -> None:
    """Continue prompts with text from a trained model.

    Texts go to standard output, messages to standard error.
    """
    import time

    from scratchgpt.generation import SamplingConfig, StopMatcher, generate_text
    from scratchgpt.recipes.model_folder import load_model

    StopMatcher(stop or [])  # report an invalid stop text before printing the prompt
    sampling = SamplingConfig(temperature, top_k, top_p, min_p, repetition_penalty)
    prompts = read_prompts(prompt or [""])
    gpt, tokenizer = load_model(model, which and which.value)
    prepare_kernels(threads, device=device)
    if device != "cpu":
        _move(gpt, device)
    encode = tokenizer.encode_marked if special_tokens else tokenizer.encode_prompt
    _note_long_prompts([len(encode(text)) for text in prompts], gpt.config.block_size)

    streaming = stream and not as_json and len(prompts) * num_samples == 1
    if streaming:
        write_text(prompts[0])
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
        on_text=(lambda _prompt, _sample, text: write_text(text)) if streaming else None,
    )
    elapsed = time.perf_counter() - started

    if as_json:
        _write_json(results)
    elif streaming:
        write_text("\n")
    else:
        _write_texts(results, num_samples)
    n_tokens = sum(len(result.tokens) for result in results)
    message(f"{counted(n_tokens, 'token')} in {elapsed:.2f} s, {n_tokens / elapsed:.0f} tokens/s")


def _move(model: "GPT | QuantizedGPT", device: str) -> None:
    from scratchgpt.errors import UserError
    from scratchgpt.models import GPT

    if not isinstance(model, GPT):
        raise UserError(
            f"--device {device}: the model has 8-bit weights, which compute on the CPU only; leave "
            "the option out, or name the model that it was quantized from"
        )
    model.to(device)


def _note_long_prompts(lengths: list[int], block_size: int) -> None:
    """Print a note for each prompt that is longer than the context; lengths are in tokens."""
    from scratchgpt.generation import window_start

    for i, n_tokens in enumerate(lengths, start=1):
        start = window_start(n_tokens, block_size)
        if start:
            message(
                f"prompt {i} has {n_tokens} tokens, more than the model's block_size of "
                f"{block_size}; only the last {n_tokens - start} are used"
            )


def _write_texts(results: "list[TextGeneration]", num_samples: int) -> None:
    """Print each prompt with its continuation, under a heading if there are several."""
    for i, result in enumerate(results):
        if len(results) > 1:
            of_sample = f", sample {i % num_samples + 1}" if num_samples > 1 else ""
            write_text(f"--- prompt {i // num_samples + 1}{of_sample} ---\n")
        write_text(f"{result.prompt}{result.text}\n")


def _write_json(results: "list[TextGeneration]") -> None:
    for result in results:
        record = {
            "prompt": result.prompt,
            "text": result.text,
            "tokens": result.tokens.tolist(),
            "finish_reason": result.finish_reason,
        }
        write_json(record)
