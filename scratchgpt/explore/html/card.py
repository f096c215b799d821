"""A card: forward, saved and backward in three columns, then formulas beside their code."""

import numpy as np

from scratchgpt.explore.cards import Card
from scratchgpt.explore.content import Content
from scratchgpt.explore.formulas import Formula, formulas_of, lines_of, source_file
from scratchgpt.explore.html.figure import figure
from scratchgpt.explore.html.text import Links, bytes_of, escape, formula, number, token
from scratchgpt.explore.saved_bytes import autograd_keeps, nodes_of
from scratchgpt.explore.stream import best, probabilities
from scratchgpt.explore.words import OF_CARDS, WORDS

N_LOGITS = 50
_COMPUTES_NOTHING = {"View", "Transpose", "T", "Split", "AccumulateGrad", "Expand", "ReshapeAlias"}


def card_html(content: Content, card: Card, links: Links, *, is_open: bool) -> str:
    """Return a card; ``is_open`` shows its formulas without a click."""
    words = WORDS[card.op]
    steps = f"forward step {card.forward}, backward step {card.backward}"
    head = (
        f'<header><h3><a class="self" href="#{escape(card.id)}">{escape(card.id)}</a></h3>'
        f'<p class="meta"><span class="op">{words.title}</span> <span>{steps}</span> '
        f"{links.page(words.page, 'derivation')}</p></header>"
    )
    columns = f'<div class="cols">{_forward(content, card)}{_saved(content, card)}'
    columns += f"{_backward(content, card)}</div>"
    if card.op == "cross_entropy":
        columns += _best_logits(content, card)
    code = _formulas(card, is_open=is_open)
    name = escape(card.id)
    return f'<article class="card" id="{name}" tabindex="-1">{head}{columns}{code}</article>'


def _forward(content: Content, card: Card) -> str:
    words = WORDS[card.op]
    special = next((text for end, text in OF_CARDS.items() if card.id.endswith(end)), "")
    text = f"<p>{special} {words.forward}</p>"
    if card.op == "dropout":
        text += (
            f'<p class="note">Here p is {card.facts["p"]:g}, and the seed is '
            f"{card.facts['seed']}.</p>"
        )
    elif card.facts.get("p"):
        text += f'<p class="note">Weights are dropped with probability {card.facts["p"]:g}.</p>'
    return _column(content, card, "forward", text)


def _backward(content: Content, card: Card) -> str:
    text = f"<p>{WORDS[card.op].backward}</p>"
    if card.recomputed:
        text += f'<p class="note">The backward pass computes {card.recomputed} a second time.</p>'
    return _column(content, card, "backward", text)


def _best_logits(content: Content, card: Card) -> str:
    """Return the largest logits of each position, if the vocabulary is too large for a picture."""
    field = next(f for f in card.fields if f.name == "logits")
    logits = content.values[field.value].array
    if content.values[field.value].is_whole:
        return ""
    p = probabilities(logits)
    rows = []
    for t, target in enumerate(card.facts["targets"]):
        spell = content.step.spell
        words = " ".join(
            f"{escape(token(spell(v)))}&nbsp;{number(float(p[t, v]), 2)}"
            for v in best(logits[t], N_LOGITS)
        )
        of_target = "–"
        if target >= 0:
            of_target = f"{escape(token(spell(target)))} {number(float(p[t, target]), 2)}"
        norm = float(np.linalg.norm(logits[t].astype(np.float64)))
        rows.append(
            f'<tr><th scope="row">{t}</th><td>{of_target}</td><td>{number(norm)}</td>'
            f"<td>{words}</td></tr>"
        )
    return (
        f"<details><summary>The best {N_LOGITS} of all tokens at each position</summary>"
        "<div class=scroll><table class=top50><thead><tr><th>position</th><th>target</th>"
        "<th>norm of the logits</th>"
        f"<th>best tokens, with their probabilities</th></tr></thead><tbody>{''.join(rows)}</tbody>"
        "</table></div></details>"
    )


def _column(content: Content, card: Card, side: str, text: str) -> str:
    """Return a column: inputs and outputs first in sight, inner arrays between them."""
    figures = [figure(content, card, f) for f in card.fields if f.side == side]
    return (
        f'<section class="col {side}"><h4>{side}</h4>{text}'
        f'<div class="figs">{"".join(figures)}</div></section>'
    )


def _saved(content: Content, card: Card) -> str:
    fields = [f for f in card.fields if f.side == "saved"]
    why = f"<p>{WORDS[card.op].saved}</p>"
    n = bytes_of(card.n_bytes) if card.n_bytes else "no new bytes"
    if fields and not card.n_bytes:
        why += '<p class="note">An earlier step saved this memory, so it costs nothing.</p>'
    elif card.op == "linear" and not fields:
        why += (
            '<p class="note">Here even x is not kept: the backward pass computes it a second '
            "time.</p>"
        )
    figures = "".join(figure(content, card, f) for f in fields)
    return (
        f'<section class="col saved"><h4>saved <span class="bytes">{n}</span></h4>{why}'
        f'<div class="figs">{figures}</div>{_autograd(content, card)}</section>'
    )


def _autograd(content: Content, card: Card) -> str:
    """Return what PyTorch's autograd would have recorded and saved."""
    nodes = []
    for name in nodes_of(card):
        short = name.removesuffix("0").removesuffix("Backward")
        style = ' class="idle"' if short in _COMPUTES_NOTHING else ""
        nodes.append(f"<li{style}>{escape(name)}</li>")
    kept = autograd_keeps(card, content.sizes)
    n_bytes = sum(item.n_bytes for item in kept)
    rows = "".join(
        f"<tr><td>{escape(item.name)}</td><td>{escape(item.axes) or 'number'}</td>"
        f"<td>{item.n_bytes:,}</td></tr>"
        for item in kept
    )
    table = (
        "<table><thead><tr><th>saved</th><th>shape</th><th>bytes</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        if rows
        else "<p>It saves nothing.</p>"
    )
    return (
        f"<details class=torch><summary>PyTorch’s autograd: {len(nodes)} "
        f"node{'s' if len(nodes) != 1 else ''}, {bytes_of(n_bytes)}</summary>"
        f'<ul class="nodes">{"".join(nodes)}</ul>{table}</details>'
    )


def _formulas(card: Card, *, is_open: bool) -> str:
    """Return the formulas of both directions, each beside the lines that compute it."""
    forward, backward = formulas_of(card)
    if not forward:
        return ""
    path = source_file(card.op)
    parts = [
        _steps(card.op, "forward", forward, path),
        _steps(card.op, "backward", backward, path),
    ]
    return (
        f'<details class="code"{" open" if is_open else ""}><summary>Formulas and their code'
        f"</summary><div class=both>{''.join(parts)}</div></details>"
    )


def _steps(op: str, way: str, formulas: tuple[Formula, ...], path: str) -> str:
    rows = []
    for item in formulas:
        lines = lines_of(item, op, way)
        code = "".join(
            f'<code data-line="{line.number}">{escape(line.text)}</code>' for line in lines
        )
        rows.append(
            f'<li><span class="label">{item.label}</span><div class="eq">{formula(item.tex)}</div>'
            f'<div class="lines">{code}</div></li>'
        )
    first = lines_of(formulas[0], op, way)[0].number
    return (
        f'<section class="{way}"><h4>{op}_{way} <span class="file">{path}:{first}</span></h4>'
        f"<ol>{''.join(rows)}</ol></section>"
    )
