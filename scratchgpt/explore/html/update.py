"""The section of the update: from gradient to new value, and the loss along single weights."""

import math

from scratchgpt.explore.content import Content
from scratchgpt.explore.html.figure import card_link, plain_figure
from scratchgpt.explore.html.text import escape, formula, number
from scratchgpt.explore.muon import spread
from scratchgpt.explore.update import Row, Slice, card_of
from scratchgpt.explore.words import (
    TEX_AHEAD,
    TEX_CLIP,
    TEX_DIVIDED,
    TEX_ITERATION,
    TEX_M,
    TEX_MOMENTUM,
    TEX_MUON,
    TEX_TANGENT,
    TEX_UPDATE,
    TEX_V,
)

WIDTH, HEIGHT, EDGE = 180, 96, 8


def update_html(content: Content) -> str:
    """Return the section."""
    update = content.update
    parts = ['<section id="update" class="view"><h2>The update</h2>']
    if update.is_made:
        if update.muon:
            parts.append(_muon(content))
        if any(row.after is not None and not row.parts for row in update.rows):
            parts.append(_adamw(content))
        parts.append(
            f"<p>The norm of the gradient is {number(update.norm, 4)}, so clipping multiplies by "
            f"{number(update.clip, 4)}. {_hint(content)}</p>"
        )
    elif not math.isfinite(update.norm):
        parts.append(
            "<p>The gradient is not finite. Training stops here with an error and changes no "
            "parameter, so there is no update.</p>"
        )
    else:
        parts.append(
            "<p>There is no update to show, because the model has no optimizer. The gradients are "
            "complete.</p>"
        )
    parts += [_parameter(content, row) for row in update.rows if content.shows_parameter(row.name)]
    if content.slices:
        parts.append(_slices(content))
    return "".join([*parts, "</section>"])


def _muon(content: Content) -> str:
    n = content.update.muon
    formulas = (TEX_CLIP, TEX_MOMENTUM, TEX_AHEAD, TEX_DIVIDED, TEX_ITERATION, TEX_MUON)
    return (
        "<p>Muon moves each linear map inside the model as a whole. It keeps an average of the "
        "gradient, and makes it orthogonal: all its singular values become about 1, so that the "
        f"step is of the same size in every direction.</p>{_list(formulas)}"
        f"<p>Learning rate {number(n['lr'], 4)}, μ {n['momentum']}, weight decay {n['decay']}, "
        f"a {n['a']}, b {number(n['b'], 5)}, c {n['c']}. X goes through {n['iterations']} "
        "iterations and is O at the end. The factor α depends on the shape.</p>"
    )


def _adamw(content: Content) -> str:
    n = content.update.adam
    which = "all other weights" if content.update.muon else "every weight"
    return (
        f"<p>AdamW moves {which}, each by its own step. It keeps two averages, of the gradient and "
        f"of its square.</p>{_list((TEX_CLIP, TEX_M, TEX_V, TEX_UPDATE))}"
        f"<p>Learning rate {number(n['lr'], 4)}, β₁ {n['beta1']}, β₂ {n['beta2']}, "
        f"ε {n['eps']:g}, weight decay {n['decay']} on matrices, t = {n['t']:,}.</p>"
    )


def _list(formulas: tuple[str, ...]) -> str:
    items = "".join(f"<li>{formula(tex)}</li>" for tex in formulas)
    return f'<ul class="formulas">{items}</ul>'


def _hint(content: Content) -> str:
    if content.has_moments:
        return "Click a new value below to see its update with the numbers in it."
    return "The averages and new values are left out of this page, to make room for more blocks."


def _parameter(content: Content, row: Row) -> str:
    card = card_of(row.name, content.cards, content.sums)
    array = content.values[row.value].array
    fields = (f for c in content.cards for f in c.fields if f.value == row.value)
    axes = next((f.axes for f in fields), tuple(str(i) for i in range(array.ndim)))
    figures = "".join(
        plain_figure(content, number_, name, axes, f"update/{row.name}/{name}")
        for name, number_ in content.parts_of(row)
    )
    link = card_link(content, card) if card else ""
    shape = " × ".join(str(n) for n in array.shape)
    frozen = " · frozen" if row.grad is None else ""
    decay = ""
    if row.after is not None:
        decay = "decays" if row.decays else "does not decay"
    return (
        f'<details class="parameter"><summary><code>{escape(row.name)}</code> <span>{shape}{frozen}'
        f"</span></summary><p>{' · '.join(filter(None, (decay, link)))}</p>"
        f'{_matrices(content, row)}<div class="row">{figures}</div></details>'
    )


def _matrices(content: Content, row: Row) -> str:
    """Return what Muon does to the singular values of each matrix of a parameter."""
    named = dict(content.parts_of(row))
    if not row.parts or "O" not in named or not content.values[named["O"]].is_whole:
        return ""
    ahead, step = content.values[named["ahead"]].array, content.values[named["O"]].array
    items = []
    for columns, rate in row.parts:
        low, high = spread(ahead[:, columns], divide=True)
        least, most = spread(step[:, columns])
        where = ""
        if len(row.parts) > 1:
            where = f"Columns {columns.start} to {columns.stop - 1}: "
        items.append(
            f"<li>{where}singular values from {number(low, 2)} to {number(high, 2)} in X at the "
            f"beginning, from {number(least, 2)} to {number(most, 2)} in O; α · η = "
            f"{number(rate, 4)}</li>"
        )
    return f"<ul>{''.join(items)}</ul>"


def _slices(content: Content) -> str:
    pictures = "".join(_slice(content, item) for item in content.slices)
    return (
        '<h3 id="slopes">The gradient is a slope</h3><p>For each parameter, the weight with the '
        "largest gradient was moved to both sides while everything else stayed the same. The "
        "curve is the loss, computed by forward passes alone. The straight line has the slope of "
        "the gradient, "
        f"computed by the backward pass. They touch at the weight’s value. {formula(TEX_TANGENT)}"
        f'</p><div class="slices">{pictures}</div>'
    )


def _slice(content: Content, item: Slice) -> str:
    low, high = min(item.losses), max(item.losses)
    middle = item.losses[len(item.losses) // 2]
    reach = item.offsets[-1]
    span = max(high - low, abs(item.slope) * reach * 0.5, 1e-9)
    low -= 0.1 * span
    span *= 1.3

    def x(offset: float) -> float:
        return EDGE + (WIDTH - 2 * EDGE) * (offset + reach) / (2 * reach)

    def y(loss: float) -> float:
        return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (loss - low) / span

    curve = " ".join(
        f"{x(o):.1f},{y(v):.1f}"
        for o, v in zip(item.offsets, item.losses, strict=True)
        if math.isfinite(v)
    )
    part = reach / 2
    ends = [(s * part, middle + s * part * item.slope) for s in (-1, 1)]
    line = "".join(
        f'{axis}{i}="{value:.1f}" '
        for i, (o, v) in enumerate(ends, start=1)
        for axis, value in (("x", x(o)), ("y", y(v)))
    )
    place = ", ".join(str(i) for i in item.index)
    return (
        f'<figure class="slice"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss '
        f'along {escape(item.name)}[{place}]; slope {item.slope:.4g}">'
        f'<line class="tangent" {line}/><polyline class="curve" points="{curve}"/>'
        f'<circle cx="{x(0):.1f}" cy="{y(middle):.1f}" r="3"/></svg>'
        f"<figcaption><code>{escape(item.name)}[{place}]</code> slope {number(item.slope)}, "
        f"± {number(reach, 2)}</figcaption></figure>"
    )
