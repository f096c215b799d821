"""Bytes: ours as recorded, autograd's as PyTorch has them."""

import importlib.util
from pathlib import Path

from scratchgpt.explore.assemble import assemble
from scratchgpt.explore.record import record
from scratchgpt.explore.saved_bytes import autograd_keeps, autograd_table, nodes_of, timeline
from scratchgpt.explore.values import Values


def test_the_table_of_autograd_is_what_pytorch_records(torch):
    """Written by tests/explore/autograd_table.py."""
    path = Path(__file__).with_name("autograd_table.py")
    spec = importlib.util.spec_from_file_location("autograd_table", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PATH.read_text(encoding="utf-8") == module.written(torch)


def test_the_cards_of_a_block_add_up_to_what_pytorch_saves_for_a_block(step):
    sizes = {"T": 5, "C": 12, "F": 48, "V": 23, "H": 3, "D": 4, "P": 7}
    cards, _ = assemble(record(step), Values(10**6))
    block = [card for card in cards if card.id.startswith("h.0.")]
    assert len(block) == 10
    total = sum(kept.n_bytes for card in block for kept in autograd_keeps(card, sizes))
    assert total == autograd_table()["block"]["bytes"]
    nodes = [name for card in block for name in nodes_of(card)]
    assert len(nodes) == autograd_table()["block"]["n_nodes"] == 43


def test_bytes_grow_forward_and_shrink_backward_to_zero(each_content):
    cards = each_content.cards
    moments = timeline(cards, each_content.sizes)
    n = len(cards)
    assert [m.number for m in moments] == list(range(1, 2 * n + 1))
    ours, theirs = [m.ours for m in moments], [m.autograd for m in moments]
    for alive in (ours, theirs):
        assert alive[:n] == sorted(alive[:n])
        assert alive[n:] == sorted(alive[n:], reverse=True)
        assert alive[-1] == 0
    assert ours[n - 1] == each_content.recording.n_bytes
