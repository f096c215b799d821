"""A chat in a pseudo-terminal, and the same loop with lines that the test types."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scratchgpt.chat import ChatEngine, Dialogue, Renderer, add_markers
from scratchgpt.cli.chat_session import Session
from scratchgpt.cli.chat_terminal import chat_in_terminal
from scratchgpt.models import GPT, GPTConfig, save_pretrained
from scratchgpt.text import train_bpe

TOKENIZER = add_markers(train_bpe(["the user asks, the assistant answers " * 9], 280))


def one_word_model(word, block_size):
    """A model whose answers never end, because they repeat one token."""
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": block_size}
    model = GPT(GPTConfig(**sizes, vocab_size=TOKENIZER.vocab_size, tied_head=False))
    model.special_ids = Renderer(TOKENIZER).special_ids()
    model.transformer.ln_f.weight.value[...] = 0
    model.transformer.ln_f.bias.value[...] = 9
    model.lm_head.weight.value[...] = 0
    model.lm_head.weight.value[TOKENIZER.encode(word)[-1]] = 9
    return model


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, *command):
        import fcntl
        import pty
        import termios

        self.parent, child = pty.openpty()

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        environment = {**os.environ, "SCRATCHGPT_KERNELS": "off", "TERM": "xterm"}
        self.process = subprocess.Popen(
            command,
            stdin=child,
            stdout=child,
            stderr=child,
            env=environment,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(child)
        self.shown = ""

    def type(self, text):
        os.write(self.parent, text.encode())

    def interrupt(self):
        """Press Ctrl-C on a prompt, once the program waits for a key.

        Readline shows the prompt a moment before it waits. A Ctrl-C within that moment has no
        effect until the next key.
        """
        status = Path(f"/proc/{self.process.pid}/stat")
        while status.exists() and status.read_text().rpartition(")")[2].split()[0] != "S":
            time.sleep(0.01)
        if not status.exists():  # not Linux
            time.sleep(1)
        self.type("\x03")

    def wait_for(self, text):
        """Read until a text is shown; return what came before it."""
        while text not in self.shown:
            readable, _, _ = select.select([self.parent], [], [], 120)
            assert readable, f"{text!r} does not follow {self.shown[-300:]!r}"
            try:
                block = os.read(self.parent, 65536)
            except OSError:  # the other end is closed
                block = b""
            assert block, f"{text!r} is not in {self.shown[-300:]!r}"
            self.shown += re.sub(r"\x1b\[\?2004[hl]", "", block.decode("utf-8", "replace"))
        before, _, self.shown = self.shown.partition(text)
        return before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_ctrl_c_stops_the_answer_and_not_the_chat(tmp_path):
    folder, saved = tmp_path / "model", tmp_path / "saved.jsonl"
    save_pretrained(one_word_model("\x1b", 30_000), folder)
    TOKENIZER.save(folder / "tokenizer.json")
    options = ("--max-new-tokens", "1000000", "--temperature", "0")
    terminal = Terminal(sys.executable, "-m", "scratchgpt", "chat", "-m", str(folder), *options)
    try:
        terminal.wait_for("Ctrl-D leaves")
        terminal.wait_for("> ")
        terminal.type("hello\r")
        terminal.wait_for(r"\x1b\x1b\x1b")  # escaped, because a terminal would obey it
        terminal.type("\x03")
        terminal.wait_for("note: stopped after ")
        terminal.wait_for("> ")
        terminal.type("/hlep\r")
        terminal.wait_for("did you mean '/help'?")
        terminal.wait_for("> ")
        terminal.type("\x1b[A")  # the last line again, from the history
        terminal.wait_for("/hlep")
        terminal.interrupt()  # discards the line
        assert "note" not in terminal.wait_for("> ")
        terminal.interrupt()
        terminal.wait_for("note: Ctrl-C again")
        terminal.wait_for("> ")
        terminal.type(f"/save {saved}\r")
        terminal.wait_for("note: 2 messages saved")
        terminal.wait_for("> ")
        terminal.interrupt()
        terminal.wait_for("note: Ctrl-C again")
        terminal.wait_for("> ")
        terminal.interrupt()
        assert terminal.process.wait(120) == 0
    finally:
        terminal.process.kill()
        terminal.process.wait()
        os.close(terminal.parent)
    assert saved.read_text().count('"role"') == 2


@pytest.fixture
def typed(monkeypatch, capsys):
    """``typed(word, lines)`` chats with a model that repeats a word; an exception is a line too."""

    def chat(word, lines, **options):
        given = iter(lines)

        def type_line(prompt):
            line = next(given)
            if isinstance(line, BaseException):
                raise line
            return line

        monkeypatch.setattr("builtins.input", type_line)
        dialogue = Dialogue(ChatEngine(one_word_model(word, 48), TOKENIZER), **options)
        chat_in_terminal(Session(dialogue))
        assert next(given, None) is None, "the chat has ended before the last line"
        return capsys.readouterr()

    return chat


def test_ctrl_d_leaves_and_errors_do_not(typed):
    damaged = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    lines = ["x" * 99, damaged, "", "/load nothing.jsonl", "hi", EOFError()]
    out, err = typed("e", lines, max_new_tokens=3)
    assert out == "eee\n\n"
    assert [line.split(":")[0] for line in err.splitlines()] == [
        "context",
        "error",
        "error",
        "error",
        "note",
    ]
    assert "tokens, and block_size=48 must have room" in err
    assert "the line is not UTF-8" in err


def test_ctrl_c_leaves_only_if_nothing_happened_since_the_last_one(typed):
    interrupt = KeyboardInterrupt()
    _, err = typed("e", [interrupt, "/reset", interrupt, "hi", interrupt, interrupt])
    assert err.count("note: Ctrl-C again") == 3
    _, err = typed("e", ["/exit"])
    assert "Ctrl-C again" not in err


def test_ctrl_c_is_restored_after_an_answer(typed, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    whole = ChatEngine.stream

    def stream(self, *arguments, canceled, **options):
        for number, piece in enumerate(whole(self, *arguments, canceled=canceled, **options)):
            if number == 2:
                signal.raise_signal(signal.SIGINT)
            yield piece

    monkeypatch.setattr(ChatEngine, "stream", stream)
    out, err = typed("e", ["hi", "/exit"])
    assert out == "eee\n"
    assert "note: stopped after 3 tokens" in err
    assert signal.getsignal(signal.SIGINT) == before
