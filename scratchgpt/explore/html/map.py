"""The map of the step: forward down the left, backward up the right, and the stream beside them."""

import math

from scratchgpt.explore.cards import Card
from scratchgpt.explore.content import Content
from scratchgpt.explore.html.text import bytes_of, escape

WIDTH, ROW, TOP, BOX = 340, 27, 34, 20
FORWARD, SAVED, BACKWARD = (36, 112), (154, 32), (192, 112)  # left, width
STREAM = {"forward": 18, "backward": 322}


def map_html(content: Content) -> str:
    """Return the map as SVG; each box links to its card."""
    rows: list[str] = []
    y, block = TOP, ""
    cards = content.cards
    largest = max((card.n_bytes for card in cards), default=1) or 1
    tops: dict[str, int] = {}
    for card in cards:
        group = group_of(card)
        if group != block:
            block = group
            y += 16
            rows.append(f'<text class="group" x="{FORWARD[0]}" y="{y - 4}">{escape(group)}</text>')
            y += 4
        tops[card.id] = y
        rows += _row(content, card, y, largest)
        y += ROW
    bottom = y
    ends = [(TOP + 8, bottom - 8)]
    streams = "".join(
        f'<line class="stream {way}" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/>'
        for way, x in STREAM.items()
        for a, b in ends
    )
    heads = (
        f'<text class="head" x="{FORWARD[0]}" y="18">forward ↓</text>'
        f'<text class="head" x="{SAVED[0] - 2}" y="18">saved</text>'
        f'<text class="head" x="{BACKWARD[0] + BACKWARD[1]}" y="18" text-anchor="end">'
        "↑ backward</text>"
    )
    turn = (
        f'<path class="turn" d="M{STREAM["forward"]} {bottom - 8} V{bottom + 6} '
        f'H{STREAM["backward"]} V{bottom - 8}"/>'
    )
    return (
        f'<svg class="map" viewBox="0 0 {WIDTH} {bottom + 14}" role="group" '
        f'aria-label="Map of the step">{heads}{streams}{turn}{"".join(rows)}</svg>'
    )


def group_of(card: Card) -> str:
    """Return the part of the model that a card belongs to: ``"block 0"``."""
    parts = card.id.split(".")
    side = parts[0] if parts[0] in ("encoder", "decoder") else ""
    if "h" in parts:
        return f"{side} block {parts[parts.index('h') + 1]}".strip()
    if card.op in ("embedding", "sum", "dropout"):
        return "memory" if card.id.endswith("memory") else f"{side} embedding".strip()
    return f"{side} end".strip() if side else "head and loss"


def _row(content: Content, card: Card, y: int, largest: int) -> list[str]:
    name = ".".join(card.id.split(".")[-2:]) if "h" in card.id.split(".") else card.id
    parts = []
    middle = y + BOX / 2
    on_stream = card.op in ("layer_norm", "residual", "sum", "dropout", "embedding")
    for way, (left, width) in (("forward", FORWARD), ("backward", BACKWARD)):
        size = _size(content, card, way)
        edge = left if way == "forward" else left + width
        if on_stream:
            parts.append(
                f'<line class="tick {way}" x1="{edge}" x2="{STREAM[way]}" '
                f'y1="{middle}" y2="{middle}"/>'
            )
        number = card.forward if way == "forward" else card.backward
        label = f"{way} step {number}: {card.id}"
        if size is not None:
            label += f", norm {size:.3g}"
        begin, end = '<g class="hidden">', "</g>"
        if content.shows(card):
            name_, end = escape(card.id), "</a>"
            begin = f'<a href="#{name_}" data-card="{name_}" data-way="{way}">'
        parts.append(
            f"{begin}<title>{escape(label)}</title>"
            f'<rect class="box {way}" x="{left}" y="{y}" width="{width}" height="{BOX}" rx="4"/>'
            f'<rect class="level {way}" x="{left}" y="{y + BOX - 3}" height="3" rx="1" '
            f'width="{_level(size) * width:.0f}"/>'
            f'<text x="{left + 7}" y="{middle + 3.5}">{escape(_shown(name, way))}</text>{end}'
        )
    if card.n_bytes:
        kept = max(2.0, SAVED[1] * math.sqrt(card.n_bytes / largest))
        parts.append(
            f'<rect class="kept" x="{SAVED[0]}" y="{middle - 4}" width="{kept:.1f}" height="8" '
            f'rx="2"><title>{escape(card.id)} saves {bytes_of(card.n_bytes)}</title></rect>'
        )
    return parts


def _shown(name: str, way: str) -> str:
    return f"d {name}" if way == "backward" and len(name) < 16 else name


def _size(content: Content, card: Card, way: str) -> float | None:
    """Return the norm of the output of a card, forward, or of the gradient it passes on."""
    fields = [f for f in card.fields if f.side == way and f.role in ("output", "input")]
    if not fields:
        return None
    return content.values[fields[-1].value].statistics.norm


def _level(size: float | None) -> float:
    """Return the logarithm of a norm as a part of the width: 1e-4 is empty, 1e3 is full."""
    if not size:
        return 0.0
    return min(1.0, max(0.02, (math.log10(size) + 4) / 7))
