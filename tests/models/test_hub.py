"""Models by name, without a network: calls of the hub's library, and its errors."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.hub import FILES


@pytest.fixture
def hub(monkeypatch):
    """``hub(download)`` replaces ``huggingface_hub`` by a fake with this download function."""

    def replace(download):
        module = SimpleNamespace(snapshot_download=download) if download else None
        monkeypatch.setitem(sys.modules, "huggingface_hub", module)

    return replace


def test_a_name_is_downloaded_without_pickles(hub, tmp_path):
    model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=3, vocab_size=5), seed=2)
    model.save_pretrained(tmp_path)
    asked = []

    def download(name, allow_patterns):
        asked.append((name, allow_patterns))
        return str(tmp_path)

    hub(download)
    read = GPT.from_pretrained("somebody/small-gpt.2")
    np.testing.assert_array_equal(read.store.values, model.store.values)
    assert asked == [("somebody/small-gpt.2", list(FILES))]
    assert not any(pattern.endswith(("bin", "h5", "msgpack")) for pattern in FILES)


def test_without_the_library_the_error_says_how_to_install_it(hub):
    hub(None)
    with pytest.raises(UserError, match=r"pip install 'scratchgpt-numpy\[hub\]'"):
        GPT.from_pretrained("somebody/small")


def test_errors_of_the_hub_are_reported_in_one_line(hub):
    def download(name, allow_patterns):
        raise OSError("cannot find it\nand much more")

    hub(download)
    with pytest.raises(UserError, match=r"no folder somebody/small, .*: cannot find it$"):
        GPT.from_pretrained("somebody/small")


@pytest.mark.parametrize("name", ["runs/not/there", "gpt2", "/nowhere", "a/b c"])
def test_what_is_neither_a_folder_nor_a_name_is_refused(hub, name):
    hub(None)
    with pytest.raises(UserError, match="there is no folder"):
        GPT.from_pretrained(name)
