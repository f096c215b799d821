"""The map of the step: forward down the left, backward up the right, and arrows between them."""

import math

from scratchgpt.explore.cards import Card
from scratchgpt.explore.content import Content
from scratchgpt.explore.edges import Edge, edges_of
from scratchgpt.explore.html.text import bytes_of, escape, number

WIDTH, ROW, TOP, BOX = 340, 33, 50, 20
FORWARD, SAVED, BACKWARD = (38, 110), (154, 32), (192, 110)  # left, width
THINNEST, WIDEST = 1.0, 8.0
HEAD = 5.5  # length of the head of an arrow
# Where arrows that pass other cards run, beside the boxes of each direction.
BESIDE = {"forward": {"past": 14.0, "near": 29.0}, "backward": {"past": 326.0, "near": 311.0}}


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
            rows.append(f'<text class="group" x="{WIDTH / 2}" y="{y - 5}">{escape(group)}</text>')
            y += 4
        tops[card.id] = y
        rows += _row(content, card, y, largest)
        y += ROW
    bottom = y - ROW + BOX
    edges = edges_of(cards)
    arrows, words = [], {}
    for way in ("forward", "backward"):
        norms = [n for edge in edges if (n := edge.norm(way))]
        least, most = (min(norms), max(norms)) if norms else (0.0, 0.0)
        words[way] = f"norm {number(least, 2)} to {number(most, 2)}"
        arrows += [_arrow(edge, way, tops, least, most) for edge in edges]
    middle = [left + width / 2 for left, width in (FORWARD, BACKWARD)]
    turn = f'<path class="turn" d="M{middle[0]} {bottom} V{bottom + 14} H{middle[1]} V{bottom}"/>'
    heads = (
        f'<text class="head" x="{FORWARD[0]}" y="16">forward ↓</text>'
        f'<text class="head" x="{SAVED[0] - 2}" y="16">saved</text>'
        f'<text class="head" x="{BACKWARD[0] + BACKWARD[1]}" y="16" text-anchor="end">'
        "↑ backward</text>"
        f'<text class="scale" x="{FORWARD[0]}" y="32">{words["forward"]}</text>'
        f'<text class="scale" x="{BACKWARD[0] + BACKWARD[1]}" y="32" text-anchor="end">'
        f"{words['backward']}</text>"
    )
    return (
        f'<svg class="map" viewBox="0 0 {WIDTH} {bottom + 20}" role="group" '
        f'aria-label="Map of the step">{heads}{turn}{"".join(arrows)}{"".join(rows)}</svg>'
    )


def group_of(card: Card) -> str:
    """Return the part of the model that a card belongs to: ``"block 0"``."""
    parts = card.id.split(".")
    side = parts[0] if parts[0] in ("encoder", "decoder") else ""
    if "h" in parts:
        return f"{side} block {parts[parts.index('h') + 1]}".strip()
    if card.op in ("embedding", "sum", "dropout") or card.id == "norm":
        return "memory" if card.id.endswith("memory") else f"{side} embedding".strip()
    return f"{side} end".strip() if side else "head and loss"


def width_of(norm: float | None, least: float, most: float) -> float:
    """Return the width of an arrow: linear in the logarithm of the norm."""
    if not norm or not math.isfinite(norm) or most <= least:
        return THINNEST if not norm else (THINNEST + WIDEST) / 2
    part = math.log(norm / least) / math.log(most / least)
    return THINNEST + (WIDEST - THINNEST) * part


def _arrow(edge: Edge, way: str, tops: dict[str, int], least: float, most: float) -> str:
    """Return the arrow of what one card passes to another."""
    norm = edge.norm(way)
    width = width_of(norm, least, most)
    above, below = tops[edge.source.id], tops[edge.target.id]
    left, size = FORWARD if way == "forward" else BACKWARD
    ends = f"{edge.source.id} to {edge.target.id}"
    if way == "backward":
        ends = f"gradient of {ends}"
    title = f"{ends}: norm {number(norm, 3)}" if norm else f"{ends}: zero"
    if edge.kind == "next":
        x, y1, y2 = left + size / 2, above + BOX + 1.0, below - 1.0
        if way == "backward":
            y1, y2 = y2, y1
        shape = _straight(x, y1, y2, width)
    else:
        edge_x = left if way == "forward" else left + size
        y1, y2 = above + BOX / 2 + 3, below + BOX / 2 - 3
        if way == "backward":
            y1, y2 = y2, y1
        shape = _bent(edge_x, BESIDE[way][edge.kind], y1, y2, width)
    return f'<g class="arrow {way}"><title>{escape(title)}</title>{shape}</g>'


def _straight(x: float, y1: float, y2: float, width: float) -> str:
    """Return a vertical arrow as one shape."""
    down = 1 if y2 > y1 else -1
    neck, half, wing = y2 - down * HEAD, width / 2, width / 2 + 3
    return (
        f'<path d="M{x - half:.1f} {y1:.1f}V{neck:.1f}H{x - wing:.1f}L{x:.1f} {y2:.1f}'
        f'L{x + wing:.1f} {neck:.1f}H{x + half:.1f}V{y1:.1f}Z"/>'
    )


def _bent(edge: float, beside: float, y1: float, y2: float, width: float) -> str:
    """Return an arrow that leaves a box at its side, and enters another one there."""
    inward = 1 if edge > beside else -1
    tip = edge - inward
    neck, wing = tip - inward * HEAD, width / 2 + 3
    return (
        f'<path class="shaft" stroke-width="{width:.1f}" d="M{edge} {y1:.1f}H{beside}V{y2:.1f}'
        f'H{neck}"/><path d="M{neck} {y2 - wing:.1f}L{tip} {y2:.1f}L{neck} {y2 + wing:.1f}Z"/>'
    )


def _row(content: Content, card: Card, y: int, largest: int) -> list[str]:
    words = card.id.split(".")
    name = ".".join(words[-2:]) if "h" in words else words[-1]  # the group says the rest
    parts = []
    middle = y + BOX / 2
    for way, (left, width) in (("forward", FORWARD), ("backward", BACKWARD)):
        step = card.forward if way == "forward" else card.backward
        label = f"{way} step {step}: {card.id}"
        begin, end = '<g class="hidden">', "</g>"
        if content.shows(card):
            name_, end = escape(card.id), "</a>"
            begin = f'<a href="#{name_}" data-card="{name_}" data-way="{way}">'
        parts.append(
            f"{begin}<title>{escape(label)}</title>"
            f'<rect class="box {way}" x="{left}" y="{y}" width="{width}" height="{BOX}" rx="4"/>'
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
    return f"d {name}" if way == "backward" and len(name) < 15 else name
