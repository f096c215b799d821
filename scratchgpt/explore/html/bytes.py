"""The section of saved bytes: what later steps need, after each step."""

from scratchgpt.explore.content import Content
from scratchgpt.explore.html.figure import card_link
from scratchgpt.explore.html.text import bytes_of
from scratchgpt.explore.saved_bytes import Moment, autograd_table, timeline

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 220, 64, 26


def bytes_html(content: Content) -> str:
    """Return the section."""
    moments = timeline(content.cards, content.sizes)
    peak = max(moments, key=lambda m: m.ours)
    theirs = max(moments, key=lambda m: m.autograd)
    block = autograd_table()["block"]
    rows = "".join(
        f'<tr><td>{m.number}</td><th scope="row">{card_link(content, m.card)}</th>'
        f"<td>{m.way}</td><td>{m.ours:,}</td>"
        f"<td>{m.autograd:,}</td></tr>"
        for m in moments
    )
    return (
        '<section id="bytes" class="view"><h2>What is saved, and for how long</h2>'
        "<p>Each forward step saves what its backward step needs, and the backward step releases "
        f"it. Here the peak is {bytes_of(peak.ours)}, after step {peak.number}. PyTorch’s autograd "
        f"would keep {bytes_of(theirs.autograd)} beside the parameters: it keeps the inputs of "
        "the maps after a norm and after the activation, which are computed a second time here. "
        f"For one pre-norm block it records {block['n_nodes']} nodes.</p>"
        "<p>Training runs compiled kernels, whose attention keeps one number per query instead of "
        "the weights P; this page shows the reference.</p>"
        f"{_chart(moments, peak)}"
        "<details><summary>All steps</summary><div class=scroll><table class=numbers>"
        "<thead><tr><th>step</th><th>card</th><th>pass</th><th>here</th><th>autograd</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div></details></section>"
    )


def _chart(moments: list[Moment], peak: Moment) -> str:
    largest = max(max(m.ours, m.autograd) for m in moments) or 1
    n = len(moments)

    def x(i: int) -> float:
        return LEFT + (WIDTH - LEFT - 8) * i / n

    def y(value: int) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 18) * value / largest

    def steps(name: str) -> str:
        path = f"M{x(0):.1f} {y(0):.1f}"
        for i, moment in enumerate(moments):
            path += f"V{y(getattr(moment, name)):.1f}H{x(i + 1):.1f}"
        return path

    half = x(n // 2)
    ticks = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 8}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v / 1000:,.0f} kB</text>'
        for v in (0, largest // 2, largest)
    )
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Bytes alive after each step; here the peak is {bytes_of(peak.ours)}">{ticks}'
        f'<line class="grid" x1="{half:.1f}" x2="{half:.1f}" y1="10" y2="{HEIGHT - BOTTOM}"/>'
        f'<path class="theirs" d="{steps("autograd")}"/><path class="ours" d="{steps("ours")}"/>'
        f'<circle class="peak" cx="{x(peak.number - 1):.1f}" cy="{y(peak.ours):.1f}" r="4"/>'
        f'<text x="{LEFT}" y="{HEIGHT - 8}">forward</text>'
        f'<text x="{half + 6:.1f}" y="{HEIGHT - 8}">backward</text>'
        f'<text class="ours" x="{LEFT + 10}" y="24">here</text>'
        f'<text class="theirs" x="{LEFT + 56}" y="24">autograd</text></svg>'
    )
