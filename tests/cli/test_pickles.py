"""A PyTorch checkpoint given to every command that takes a model."""

import pytest

COMMANDS = [
    ("import", "CKPT", "--out", "OUT"),
    ("import", "CKPT", "--format", "nanogpt", "--out", "OUT"),
    ("import", "CKPT", "--format", "mingpt", "--out", "OUT"),
    ("import", "CKPT", "--format", "huggingface", "--out", "OUT"),
    ("import", "CKPT", "--format", "llm.c", "--out", "OUT"),
    ("export", "CKPT", "--out", "OUT"),
    ("quantize", "CKPT", "--out", "OUT"),
    ("generate", "--model", "CKPT"),
    ("translate", "--model", "CKPT", "text"),
    ("eval", "--model", "CKPT"),
    ("info", "CKPT"),
    ("bench", "CKPT"),
    ("explore", "CKPT", "--text", "a", "--out", "OUT"),
    ("train", "TEXT", "--init", "CKPT", "--out", "OUT"),
]


@pytest.mark.parametrize("name", ["ckpt.pt", "pytorch_model.bin"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_error_says_how_to_convert_it(refused, text_file, tmp_path, command, name):
    ckpt = tmp_path / name
    ckpt.write_bytes(b"PK\x03\x04 ckpt/data.pkl")
    words = {"CKPT": ckpt, "OUT": tmp_path / "out", "TEXT": text_file}
    error = refused(*(words.get(word, word) for word in command))
    assert f"{ckpt} is a pickle of PyTorch" in error
    assert "never reads it; convert it" in error
    assert 'python -c "import torch' in error
    assert not (tmp_path / "out").exists()
