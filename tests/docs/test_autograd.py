"""The page "What autograd does": its table is that of PyTorch, and its names hold equal arrays."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.memory import nbytes
from scratchgpt.models import GPTConfig
from scratchgpt.models.backbone import Backbone

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "autograd.md"
spec = importlib.util.spec_from_file_location(
    "autograd_nodes", Path(__file__).with_name("autograd_nodes.py")
)
nodes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(nodes)
ROW = re.compile(r"^\| `(\w+)\.(\w+)` \| `(\w+)\.(\w+)` \|", re.MULTILINE)
PAIRS = ROW.findall(PAGE.read_text(encoding="utf-8"))
# Where a line of the block saves in scratchgpt.
PATHS = {
    "ln_1": "attn.norm",
    "attn.c_attn": "attn.branch.c_attn",
    "attention": "attn.branch.attention",
    "attn.c_proj": "attn.branch.c_proj",
    "ln_2": "mlp.norm",
    "mlp.c_fc": "mlp.branch.c_fc",
    "gelu": "mlp.branch.act",
    "mlp.c_proj": "mlp.branch.c_proj",
}


@pytest.fixture(scope="module")
def both(torch):
    """The nodes of the block of PyTorch by line, and what the same block of scratchgpt saves."""
    theirs, added = nodes.run(torch)
    every = [node for line in added.values() for node in line]
    kept = nodes.n_bytes(every, theirs.parameters(), torch)
    config = GPTConfig(n_layer=1, n_head=nodes.H, n_embd=nodes.C, block_size=nodes.T, vocab_size=65)
    ours = Backbone(config).h[0]
    ours.initialize()
    for name, parameter in ours.store.named.items():
        layer, kind = name.rsplit(".", 1)
        array = getattr(theirs.layers[layer], kind).detach().numpy()
        parameter.value[...] = array.T  # linear maps are transposed; biases have no axes to swap
    _, saved = ours.forward(theirs.x.numpy())
    return added, ours, saved, kept


@pytest.fixture(scope="module")
def page(execution):
    """The names that the code of the page defines."""
    return execution.run_page(PAGE)


def test_the_table_is_what_pytorch_records(torch, both, page):
    added, *_, kept = both
    every = [node for line in added.values() for node in line]
    assert sorted(page["nodes"]) == sorted(nodes.short(node) for node in every)
    assert page["n_tensors"] == sum(len(nodes.saved(node, torch)) for node in every)
    assert page["total"] == kept


def at(saved, path):
    for name in path.split("."):
        saved = getattr(saved, name)
    return saved


def test_every_tensor_that_pytorch_saves_has_a_name_here(torch, both):
    named = {(node, field) for node, field, _, _ in PAIRS}
    added, *_ = both
    every = [node for line in added.values() for node in line]
    saved = {(nodes.short(node), field) for node in every for field in nodes.saved(node, torch)}
    assert saved - named == {("NativeLayerNorm", "bias")}
    assert named <= saved


@pytest.mark.parametrize("line", PATHS)
def test_the_two_names_of_an_array_hold_the_same_numbers(torch, both, line, assert_close):
    added, _, saved, _ = both
    part = at(saved, PATHS[line])
    compared = 0
    for node in added[line]:
        tensors = nodes.saved(node, torch)
        for their_node, their_name, our_tuple, our_name in PAIRS:
            if nodes.short(node) != their_node:
                continue
            assert type(part).__name__ == our_tuple
            array = getattr(part, our_name)
            if not isinstance(array, np.ndarray):
                assert our_name == "x"  # it is computed again in the backward pass
                continue
            theirs = tensors[their_name].detach().numpy()
            assert_close(theirs.reshape(array.shape), array, 1e-5, f"{their_node}.{their_name}")
            compared += 1
    assert compared


def test_pytorch_saves_three_arrays_more(both):
    _, ours, saved, total = both
    again = 2 * nodes.T * nodes.C + nodes.T * 4 * nodes.C  # two norms, and GELU
    assert nbytes(saved, exclude=ours.store.values) + 4 * again == total
