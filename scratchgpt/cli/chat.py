"""``scratchgpt chat``: talk to a model."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.chat_formats import ChatFormatName
from scratchgpt.cli.console import is_terminal, read_prompts
from scratchgpt.cli.generate import Which
from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.sampling import (
    MaxNewTokens,
    MinP,
    RepetitionPenalty,
    Seed,
    Temperature,
    TopK,
    TopP,
)

EPILOG = """Examples:

scratchgpt chat --model runs/chat

scratchgpt chat -m runs/chat --system "Answer in one word." --temperature 0

scratchgpt chat -m runs/chat --prompt "What is 12 + 30?"

scratchgpt chat -m models/TinyLlama-1.1B-Chat-v1.0 --chat-format zephyr

scratchgpt chat -m runs/chat --json < questions.txt > answers.jsonl
"""


def chat_command(
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or model.")],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            "-p",
            metavar="TEXT",
            help="Say this and print the answer, instead of a chat; - reads standard input as one "
            "message. Repeat the option for several turns.",
            show_default=False,
        ),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="System message of the conversation.", show_default=False
        ),
    ] = None,
    load: Annotated[
        Path | None,
        typer.Option(help="Continue the conversation in a JSONL file, such as /save writes."),
    ] = None,
    chat_format: ChatFormatName = None,
    max_new_tokens: MaxNewTokens = 256,
    temperature: Temperature = 1.0,
    top_k: TopK = None,
    top_p: TopP = 1.0,
    min_p: MinP = 0.0,
    repetition_penalty: RepetitionPenalty = 1.0,
    seed: Seed = 0,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per answer, one per line: prompt, text, finish_reason, "
            "n_prompt, n_new, n_dropped. Not for a chat in a terminal.",
        ),
    ] = False,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Checkpoint of the run.", show_default="the first of average, best, last"
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Talk to a model that was trained on conversations.

    It is one that `scratchgpt sft` has trained, or a published chat model.

    The format of the conversations is that of the model's folder, or the model is recognized by its
    special tokens. No chat template in the folder is run; name the format with --chat-format if the
    model is not recognized.

    In a terminal, type a message and press Enter. Ctrl-C stops an answer, Ctrl-D leaves, and /help
    lists the commands. If standard input is not a terminal, each line is a message. Answers go to
    standard output, messages about them to standard error.
    """
    from scratchgpt.chat import ChatEngine, Dialogue, read_conversation, with_format
    from scratchgpt.cli.chat_session import Session
    from scratchgpt.cli.chat_terminal import chat_in_terminal
    from scratchgpt.generation import SamplingConfig
    from scratchgpt.recipes.model_folder import load_model

    in_terminal = not prompt and is_terminal()
    if as_json and in_terminal:
        raise typer.BadParameter(
            "is not for a chat in a terminal; use --prompt, or send the messages to standard input",
            param_hint="--json",
        )
    sampling = SamplingConfig(temperature, top_k, top_p, min_p, repetition_penalty)
    messages = read_prompts(prompt or [])
    conversation = read_conversation(load) if load else None
    gpt, tokenizer = load_model(model, which and which.value)
    engine = ChatEngine(gpt, with_format(tokenizer, chat_format))
    dialogue = Dialogue(engine, max_new_tokens=max_new_tokens, sampling=sampling, seed=seed)
    if conversation:
        dialogue.load(conversation)
    if system is not None:
        dialogue.set_system(system)
    prepare_kernels(threads)
    session = Session(dialogue, as_json=as_json)
    if in_terminal:
        chat_in_terminal(session)
    elif prompt:
        for text in messages:
            session.answer(text)
    else:
        session.answer_lines()
