"""Time to the first token of an answer, and tokens per second, of a chat in a terminal.

    python benchmarks/chat_speed.py [--rounds 5]

A model of nanoGPT's "baby" size (6 layers of 384 channels) with 4,096 tokens and random weights
answers in a pseudo-terminal, in float32 and in int8, with one thread and with two. Beside the
terminal are the times of the engine alone, without text on a screen, and of the model alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import scratchgpt
from scratchgpt.backend import random_stream
from scratchgpt.chat import ChatEngine, Dialogue, Message, Piece, add_markers
from scratchgpt.cli.chat_session import Session
from scratchgpt.generation.prefix_decoding import PrefixDecoding
from scratchgpt.models import GPT, GPTConfig, QuantizedGPT
from scratchgpt.text import BPETokenizer, train_bpe

N_VOCAB, BLOCK_SIZE, N_PROMPT, N_NEW = 4096, 512, 256, 200
N_MARKERS = 4


def make_tokenizer() -> BPETokenizer:
    """Train a tokenizer on the source of the package."""
    sources = sorted(Path(scratchgpt.__file__).parent.rglob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in sources]
    return add_markers(train_bpe(texts, N_VOCAB - N_MARKERS))


def make_prompt(engine: ChatEngine, seed: int) -> list[Message]:
    """Return a message of the user whose prompt has 256 tokens; each seed begins differently."""
    renderer = engine.renderer
    words = random_stream(seed, "words").permutation(["the", "model", "reads", "a", "token"] * 80)
    text = " ".join(words)
    while len(renderer.prompt([Message("user", text)]).tokens) > N_PROMPT:
        text = text[:-1]
    return [Message("user", text)]


def terminal(engine: ChatEngine, rounds: int) -> Iterator[dict[str, float]]:
    """Answer in the terminal that standard output is."""
    for seed in range(-2, rounds):
        dialogue = Dialogue(engine, max_new_tokens=N_NEW, seed=seed + 2)
        times: list[float] = []
        say = dialogue.say

        def timed(text: str, canceled: object = None) -> Iterator[Piece]:
            for piece in say(text):  # noqa: B023
                yield piece
                times.append(time.perf_counter())  # noqa: B023 - after the piece is written

        dialogue.say = timed  # type: ignore[method-assign, assignment]
        [message] = make_prompt(engine, seed + 2)
        began = time.perf_counter()
        Session(dialogue).answer(message.content)
        if seed >= 0:
            yield laps(began, times)


def engine_alone(engine: ChatEngine, rounds: int) -> Iterator[dict[str, float]]:
    for seed in range(rounds):
        messages = make_prompt(engine, 100 + seed)
        began = time.perf_counter()
        pieces = engine.stream(messages, max_new_tokens=N_NEW, seed=seed)
        yield laps(began, [time.perf_counter() for _ in pieces])


def model_alone(engine: ChatEngine, rounds: int) -> Iterator[dict[str, float]]:
    for seed in range(rounds):
        tokens = engine.renderer.prompt(make_prompt(engine, 200 + seed)).tokens.tolist()
        decoding = PrefixDecoding(engine.model)
        began = time.perf_counter()
        decoding.begin(tokens)
        times = [time.perf_counter()]
        for token in random_stream(seed, "tokens").integers(0, N_VOCAB, N_NEW - 1):
            decoding.advance(int(token))
            times.append(time.perf_counter())
        yield laps(began, times)


def laps(began: float, times: list[float]) -> dict[str, float]:
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-9)
    return {"first": times[0] - began, "rate": rate, "n": len(times)}


def child(precision: str, threads: int, rounds: int) -> None:
    """Measure in this process, whose standard output is a terminal; print to standard error."""
    from scratchgpt.kernels.compiler.threads import set_threads
    from scratchgpt.training.compilation import ensure_compiled

    set_threads(threads)
    ensure_compiled("float32")
    tokenizer = make_tokenizer()
    sizes = {"n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": BLOCK_SIZE}
    gpt = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size))
    engine = ChatEngine(QuantizedGPT(gpt) if precision == "int8" else gpt, tokenizer)
    results: dict[str, dict[str, float]] = {}
    for measure in (terminal, engine_alone, model_alone):
        # An answer of random weights may end at once; those of at least half the length count.
        found = [one for one in measure(engine, 3 * rounds) if one["n"] > N_NEW / 2][:rounds]
        results[measure.__name__] = {
            name: statistics.median(one[name] for one in found) for name in ("first", "rate")
        }
    print(json.dumps(results), file=sys.stderr)


def in_terminal(precision: str, threads: int, rounds: int) -> dict[str, dict[str, float]]:
    """Run :func:`child` in a new process with a pseudo-terminal as its standard output."""
    import pty

    parent, terminal_of_child = pty.openpty()
    command = [sys.executable, __file__, "--child", precision, str(threads)]
    process = subprocess.Popen(
        [*command, "--rounds", str(rounds)], stdout=terminal_of_child, stderr=subprocess.PIPE
    )
    os.close(terminal_of_child)
    reader = threading.Thread(target=_read_all, args=(parent,))
    reader.start()
    _, messages = process.communicate()
    reader.join()
    os.close(parent)
    if process.returncode:
        sys.exit(messages.decode())
    return json.loads(messages.splitlines()[-1])


def _read_all(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:  # the other end is closed
        pass


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], int(arguments.child[1]), arguments.rounds)
        return
    print("| | threads | first token, terminal | tokens/s, terminal | engine | model |")
    print("|---|---|---|---|---|---|")
    for precision in ("float32", "int8"):
        for threads in (1, 2):
            found = in_terminal(precision, threads, arguments.rounds)
            rates = " | ".join(f"{one['rate']:.0f}" for one in found.values())
            print(f"| {precision} | {threads} | {found['terminal']['first']:.3f} s | {rates} |")


if __name__ == "__main__":
    main()
