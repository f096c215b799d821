"""The section of the update: from gradient to new value, and the loss along single weights."""

import math

from scratchgpt.explore.content import Content
from scratchgpt.explore.html.figure import card_link, plain_figure
from scratchgpt.explore.html.text import escape, formula, number
from scratchgpt.explore.update import Row, Slice, card_of
from scratchgpt.explore.words import TEX_CLIP, TEX_M, TEX_TANGENT, TEX_UPDATE, TEX_V

WIDTH, HEIGHT, EDGE = 180, 96, 8


def update_html(content: Content) -> str:
    """Return the section."""
    update = content.update
    parts = ['<section id="update" class="view"><h2>The update</h2>']
    if update.is_made:
        n = update.numbers
        hint = "Click a new value below to see its update with the numbers in it."
        if not content.has_moments:
            hint = "They are left out of this page, to make room for more blocks."
        parts.append(
            "<p>AdamW moves every weight by its own step. It keeps two averages, of the gradient "
            f"and of its square. {hint}</p>"
            f'<ul class="formulas"><li>{formula(TEX_CLIP)}</li><li>{formula(TEX_M)}</li>'
            f"<li>{formula(TEX_V)}</li><li>{formula(TEX_UPDATE)}</li></ul>"
            f"<p>The norm of the gradient is {number(update.norm, 4)}, so clipping multiplies by "
            f"{number(update.clip, 4)}. Learning rate {number(n['lr'], 4)}, β₁ {n['beta1']}, β₂ "
            f"{n['beta2']}, ε {n['eps']:g}, weight decay {n['decay']} on matrices, t = "
            f"{n['t']:,}.</p>"
        )
    elif not math.isfinite(update.norm):
        parts.append(
            "<p>The gradient is not finite. Training stops here with an error and changes no "
            "parameter, so there is no update.</p>"
        )
    else:
        parts.append(
            "<p>There is no update of AdamW to show: the model has no optimizer, or another one. "
            "The gradients are complete.</p>"
        )
    parts += [_parameter(content, row) for row in update.rows if content.shows_parameter(row.name)]
    if content.slices:
        parts.append(_slices(content))
    return "".join([*parts, "</section>"])


def _parameter(content: Content, row: Row) -> str:
    card = card_of(row.name, content.cards, content.sums)
    array = content.values[row.value].array
    fields = (f for c in content.cards for f in c.fields if f.value == row.value)
    axes = next((f.axes for f in fields), tuple(str(i) for i in range(array.ndim)))
    figures = "".join(
        plain_figure(content, number_, name, axes, f"update/{row.name}/{name}")
        for name, number_ in content.parts_of(row)
    )
    link = f" · {card_link(content, card)}" if card else ""
    shape = " × ".join(str(n) for n in array.shape)
    frozen = " · frozen" if row.grad is None else ""
    return (
        f'<details class="parameter"><summary><code>{escape(row.name)}</code> <span>{shape}{frozen}'
        f"</span></summary><p>{'decays' if row.decays else 'does not decay'}{link}</p>"
        f'<div class="row">{figures}</div></details>'
    )


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
