"""Commands that create files, killed while they write: the same command then succeeds."""

import os
import shutil

import pytest

from scratchgpt.models import GPT, GPTConfig, load_pretrained, load_quantized, save_pretrained
from scratchgpt.models.llmc import read_llmc
from scratchgpt.models.state_dicts import read_state_dict
from scratchgpt.text import load_tokenizer, train_bpe

TOKENIZER = train_bpe(["the quick brown fox jumps over the lazy dog\n" * 20], 290)


class Killed(BaseException):
    """Simulates SIGKILL."""


class DiesAt:
    """Allow ``n_changes`` changes of the file system; later ones, cleanup included, do nothing."""

    def __init__(self, monkeypatch, n_changes):
        self.left = n_changes
        for name in ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync"):
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, change):
        def counted(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                raise Killed
            return change(*arguments, **options)

        return counted


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "model"
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": 8, "activation": "gelu"}
    save_pretrained(GPT(GPTConfig(vocab_size=TOKENIZER.vocab_size, **sizes)), folder)
    TOKENIZER.save(folder / "tokenizer.json")
    save_pretrained(
        GPT(GPTConfig(vocab_size=9, **{**sizes, "activation": "gelu_tanh"})), folder / "tanh"
    )
    return folder


def whole_folder(path):
    assert load_tokenizer(path).vocab_size == TOKENIZER.vocab_size
    return load_pretrained(path)


COMMANDS = {
    "quantize MODEL --out OUT": load_quantized,
    "import MODEL --out OUT": whole_folder,
    "export MODEL --out OUT": whole_folder,
    "export MODEL/tanh --format llm.c --out OUT": read_llmc,
    "export MODEL --format nanogpt --out OUT": lambda path: read_state_dict(path, "nanogpt"),
    "tokenizer train TEXT --vocab-size 260 --out OUT": load_tokenizer,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_killed_command_can_be_repeated_and_leaves_nothing(
    scratchgpt, model, text_file, tmp_path, monkeypatch, command
):
    """The folder to create is missing or empty."""
    places = tmp_path / "places"
    out = places / "out"
    names = {"MODEL": model, "OUT": out, "TEXT": text_file}
    words = command.split()
    for name, path in names.items():
        words = [word.replace(name, str(path)) for word in words]
    makes_a_folder = COMMANDS[command] in (load_quantized, whole_folder)
    n_changes, survived = 0, False
    while not survived:
        shutil.rmtree(places, ignore_errors=True)
        places.mkdir()
        if makes_a_folder and n_changes % 2:
            out.mkdir()
        try:
            with monkeypatch.context() as patch:
                DiesAt(patch, n_changes)
                survived = scratchgpt(*words).status == 0
        except Killed:
            pass
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            outcome = scratchgpt(*words)
            assert outcome.status == 0, outcome.stderr
            assert [path.name for path in places.iterdir()] == ["out"]
        COMMANDS[command](out)  # it is whole
        n_changes += 3 if makes_a_folder else 1
    assert [path.name for path in places.iterdir()] == ["out"]
    assert n_changes > 4
