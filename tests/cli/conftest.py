"""The command line as a user sees it: arguments in; exit status, stdout and stderr out."""

import sys
from typing import NamedTuple

import pytest

TEXT = "the quick brown fox jumps over the lazy dog, and the dog does not mind at all\n" * 40


class Outcome(NamedTuple):
    status: int
    stdout: str
    stderr: str


@pytest.fixture
def scratchgpt(monkeypatch, capfd, tmp_path):
    """``scratchgpt("train", path, "--steps", 3)`` runs the real entry point in this process."""
    monkeypatch.setenv("SCRATCHGPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        from scratchgpt.cli.main import run as entry_point

        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["scratchgpt", *map(str, arguments)])
        try:
            entry_point()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return Outcome(status, *capfd.readouterr())

    return run


@pytest.fixture
def refused(scratchgpt):
    """Like ``scratchgpt``, for commands that must fail with one line on stderr and status 2."""

    def run(*arguments):
        outcome = scratchgpt(*arguments)
        assert outcome.status == 2
        assert outcome.stdout == ""
        *progress, error = outcome.stderr.splitlines()
        assert error.startswith("error: "), outcome.stderr
        assert not any(line.startswith(("error", "Traceback")) for line in progress)
        return error

    return run


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


TINY = ("--n-layer", 1, "--n-head", 2, "--n-embd", 8, "--block-size", 16)


@pytest.fixture
def tiny():
    """Options of a model that trains in milliseconds."""
    return (*TINY, "--batch-size", 4, "--log-interval", 1)


@pytest.fixture
def trained(scratchgpt, text_file, tiny, tmp_path):
    """The folder of a finished run of 6 steps."""
    out = tmp_path / "run"
    outcome = scratchgpt("train", text_file, *tiny, "--steps", 6, "--out", out)
    assert outcome.status == 0, outcome.stderr
    return out


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory):
    """The folder of a small encoder with random weights."""
    from scratchgpt.embeddings import add_roles
    from scratchgpt.models import GPTEncoder, GPTEncoderConfig, save_pretrained
    from scratchgpt.text import train_bpe

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = add_roles(train_bpe([TEXT], 270))
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 48}
    config = GPTEncoderConfig(**sizes, vocab_size=tokenizer.vocab_size)
    save_pretrained(GPTEncoder(config), folder)
    tokenizer.save(folder / "tokenizer.json")
    return folder
