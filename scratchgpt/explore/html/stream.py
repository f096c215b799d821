"""The section of the residual stream: both gradients at each fan-out, and both lenses."""

import numpy as np

from scratchgpt.explore.content import Content
from scratchgpt.explore.html.figure import plain_figure
from scratchgpt.explore.html.text import escape, formula, number, token
from scratchgpt.explore.stream import Station, best, probabilities, shares
from scratchgpt.explore.words import TEX_FAN_OUT, TEX_GRADIENT_LENS, TEX_LENS


def stream_html(content: Content) -> str:
    """Return the section."""
    stations = [s for s in content.stations if content.shows(s.card)]
    if not stations:
        return ""
    body = [
        "<p>Every sublayer reads the stream and adds to it. So the stream is used twice at each "
        "station: by the branch, and by the sum after the branch. Its gradient is the sum of two: "
        f"what came past the branch, and what came through it. {formula(TEX_FAN_OUT)}</p>",
        _table(content),
        *(_station(content, station) for station in stations),
    ]
    lenses = [s for s in stations if s.read is not None]
    if lenses:
        body.append(_lens(content, lenses))
        body.append(_gradient_lens(content, lenses))
    return (
        '<section id="stream" class="view"><h2>The residual stream</h2>'
        + "".join(body)
        + "</section>"
    )


def _table(content: Content) -> str:
    rows = []
    for station in (s for s in content.stations if content.shows(s.card)):
        x, dx = (content.values[n].statistics.norm for n in (station.x, station.dx))
        both = shares(station)
        cells = (number(both[0]), number(both[1]), number(both[2])) if both else ("", "", "")
        rows.append(
            f'<tr><th scope="row"><a href="#{escape(station.name)}">{escape(station.name)}</a></th>'
            f"<td>{number(x)}</td><td>{number(dx)}</td>"
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    return (
        '<div class="scroll"><table class="numbers"><caption>Norms at each station, and the cosine '
        "between the two gradients</caption><thead><tr><th>station</th><th>|x|</th><th>|dx|</th>"
        "<th>past</th><th>through</th><th>cosine</th></tr></thead><tbody>"
        + "".join(rows)
        + "</tbody></table></div>"
    )


def _station(content: Content, station: Station) -> str:
    axes = (station.card.time, "C")
    parts = [(station.x, "x")]
    if station.past is not None and station.through is not None:
        parts += [(station.past, "past the branch"), (station.through, "through the branch")]
    parts.append((station.dx, "dx"))
    figures = "".join(
        plain_figure(content, value, name, axes, f"stream/{station.name}/{name.replace(' ', '_')}")
        for value, name in parts
    )
    return (
        f'<div class="station"><h3>{escape(station.name)}</h3>'
        f'<div class="row" data-same-scale>{figures}</div></div>'
    )


def _positions(content: Content) -> list[int]:
    """Return the positions whose targets count."""
    return [int(t) for t in np.flatnonzero(content.step.targets != -100)]


def _head(content: Content, positions: list[int], what: str) -> str:
    step = content.step
    cells = "".join(
        f"<th>{t} {escape(token(step.spell(int(step.tokens[t]))))}<br><small>→ "
        f"{escape(token(step.spell(int(step.targets[t]))))}</small></th>"
        for t in positions
    )
    return f"<thead><tr><th>{what}</th>{cells}</tr></thead>"


def _lens(content: Content, stations: list[Station]) -> str:
    positions = _positions(content)
    rows = []
    for station in stations:
        p = probabilities(station.logits)
        cells = []
        for t in positions:
            target = int(content.step.targets[t])
            top = best(p[t], 1)[0]
            right = " class=right" if top == target else ""
            cells.append(
                f"<td{right}><b>{escape(token(content.step.spell(top)))}</b> "
                f"<small>{number(float(p[t, target]), 2)}</small></td>"
            )
        rows.append(f'<tr><th scope="row">{escape(station.name)}</th>{"".join(cells)}</tr>')
    return (
        '<h3 id="lens">Logit lens</h3><p>What the model would predict if it ended at a station: '
        f"the last norm and the head, applied to the stream there. {formula(TEX_LENS)} Each cell "
        "has the best token and, small, the probability of the target. The stream was not trained "
        "to be read before its end, so this is a projection and not an explanation.</p>"
        f'<div class="scroll"><table class="lens">{_head(content, positions, "station")}<tbody>'
        + "".join(rows)
        + "</tbody></table></div>"
        + _lens_figures(content, stations, "lens")
    )


def _gradient_lens(content: Content, stations: list[Station]) -> str:
    positions = _positions(content)
    rows = []
    for station in stations:
        pushed, cells = station.pushed, []
        for t in positions:
            up, down = best(pushed[t], 1)[0], best(-pushed[t], 1)[0]
            cells.append(
                f"<td><b>↑ {escape(token(content.step.spell(up)))}</b><br>"
                f"↓ {escape(token(content.step.spell(down)))}</td>"
            )
        rows.append(f'<tr><th scope="row">{escape(station.name)}</th>{"".join(cells)}</tr>')
    return (
        '<h3 id="gradient-lens">The lens on the gradient</h3><p>The same table of tokens, applied '
        f"to the step that the gradient asks for. {formula(TEX_GRADIENT_LENS)} Each cell has the "
        "token that a small step against the gradient would push up most, and the one it would "
        "push down. This too is a projection (Katz et al. 2024, arXiv:2402.12865).</p>"
        f'<div class="scroll"><table class="lens">{_head(content, positions, "station")}<tbody>'
        + "".join(rows)
        + "</tbody></table></div>"
        + _lens_figures(content, stations, "gradient_lens")
    )


def _lens_figures(content: Content, stations: list[Station], which: str) -> str:
    figures = []
    for station in stations:
        value = getattr(station, which)
        if value is not None:
            name = f"{which.replace('_', ' ')} at {station.name}"
            identity = f"stream/{station.name}/{which}"
            figures.append(plain_figure(content, value, name, ("T", "V"), identity))
    if not figures:
        return ""
    return (
        f"<details><summary>All logits</summary><div class=row>{''.join(figures)}</div></details>"
    )
