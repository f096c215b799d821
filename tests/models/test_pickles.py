"""Checkpoints of PyTorch given to everything that takes a model: always the way to convert them."""

import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, load_pretrained, load_quantized, read_llmc, read_state_dict
from scratchgpt.models.pickles import is_pickle, refuse_pickle
from scratchgpt.recipes.model_folder import find_config, find_model

LOADERS = {
    "load_pretrained": load_pretrained,
    "load_quantized": load_quantized,
    "GPT.from_pretrained": GPT.from_pretrained,
    "read_llmc": read_llmc,
    "read_state_dict": lambda path: read_state_dict(path, "nanogpt"),
    "find_model": find_model,
    "find_config": lambda path: find_config(str(path)),
}


def torch_zip(path):
    """The beginning of what ``torch.save`` writes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ckpt/data.pkl", b"\x80\x02}q\x00.")


def old_pickle(path):
    path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")


@pytest.mark.parametrize("write", [torch_zip, old_pickle])
@pytest.mark.parametrize("name", ["ckpt.pt", "m.pth", "a.ckpt", "weights.bin", "m.safetensors"])
@pytest.mark.parametrize("loader", LOADERS)
def test_every_loader_says_what_a_pickle_is_and_how_to_convert_it(tmp_path, loader, name, write):
    write(tmp_path / name)
    with pytest.raises(UserError) as caught:
        LOADERS[loader](tmp_path / name)
    message = str(caught.value)
    assert "\n" not in message
    for part in (name, "is a pickle", "can run any code", "never reads", "python -c", "save_file"):
        assert part in message


@pytest.mark.parametrize("loader", ["load_pretrained", "GPT.from_pretrained", "find_model"])
def test_a_folder_with_a_pickle_says_it_too(tmp_path, loader):
    torch_zip(tmp_path / "ckpt.pt")
    with pytest.raises(UserError, match=r"ckpt\.pt is a pickle"):
        LOADERS[loader](tmp_path)


@pytest.mark.parametrize("loader", ["load_pretrained", "load_quantized", "find_model"])
def test_another_file_in_place_of_a_folder_is_refused_as_one(tmp_path, loader):
    (tmp_path / "a.safetensors").write_bytes(b"text")
    with pytest.raises(UserError, match=r"is a file, not the folder of a model; .*import"):
        LOADERS[loader](tmp_path / "a.safetensors")


def test_other_files_are_not_pickles(tmp_path):
    np.savez(tmp_path / "a.npz", np.ones(3))
    (tmp_path / "a.bin").write_bytes(np.array([20240326, 3], "<i4").tobytes())
    (tmp_path / "empty").touch()
    for path in (*tmp_path.iterdir(), tmp_path / "missing.pt", tmp_path):
        assert not is_pickle(path), path
        refuse_pickle(path)


@pytest.mark.parametrize("content", ["plain", "nanogpt", "lightning"])
def test_the_command_in_the_message_converts_a_checkpoint(torch, tmp_path, content, monkeypatch):
    from safetensors.numpy import load_file

    table = torch.arange(6.0).reshape(2, 3)
    state = {"lm_head.weight": table, "wte.weight": table, "c.weight": table.T}
    saved = {
        "plain": state,
        "nanogpt": {"model": state, "model_args": {"n_layer": 1}, "iter_num": 3},
        "lightning": {"state_dict": state, "epoch": 2},
    }
    # The name of the folder would run a command, if the shell read it without quotes.
    folder = tmp_path / 'a"; exit 1; "$(exit 1)'
    folder.mkdir()
    torch.save(saved[content], folder / "ckpt.pt")
    with pytest.raises(UserError) as caught:
        refuse_pickle(folder / "ckpt.pt")
    command = re.search(r"python (-c .*); then scratchgpt import", str(caught.value))[1]
    words = subprocess.check_output(["sh", "-c", f"printf '%s\\0' {command}"], text=True)
    _, code, *arguments = words.rstrip("\0").split("\0")
    monkeypatch.setattr(sys, "argv", ["-c", *arguments])
    exec(code, {})  # in this process, which has imported PyTorch
    arrays = load_file(folder / "ckpt.safetensors")
    assert arrays.keys() == state.keys()
    np.testing.assert_array_equal(arrays["c.weight"], table.numpy().T)


def test_the_length_of_a_header_is_not_mistaken_for_a_pickle(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((0x0280).to_bytes(8, "little") + b"{" + b" " * 639)
    assert not is_pickle(path)
    path.write_bytes(bytes([0x80, 2]) + b"}q\x00X\x05\x00\x00\x00model")
    assert is_pickle(path)
