"""The whole document: head, sections, data and script in one file."""

import base64
import hashlib
import json
import math
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.explore.content import Content
from scratchgpt.explore.html.bytes import bytes_html
from scratchgpt.explore.html.card import card_html
from scratchgpt.explore.html.heads import heads_html
from scratchgpt.explore.html.map import group_of, map_html
from scratchgpt.explore.html.proof import proof_html
from scratchgpt.explore.html.stream import stream_html
from scratchgpt.explore.html.text import Links, bytes_of, escape, number, token
from scratchgpt.explore.html.update import update_html
from scratchgpt.explore.manifest import manifest, packed
from scratchgpt.explore.step import Step
from scratchgpt.utf8 import read_text

SCRIPTS = (
    "data.js",
    "newton_schulz.js",
    "evaluate.js",
    "heatmap.js",
    "follow.js",
    "views.js",
    "app.js",
)
SECTIONS = {
    "step": "The step",
    "heads": "Attention",
    "stream": "Stream",
    "bytes": "Saved",
    "update": "Update",
    "proof": "Proof",
}


def document(content: Content, links: Links, start: Content | None = None) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    content : Content
    links : Links
    start : Content, optional
        The same batch before training; a switch on the page shows its numbers.
    """
    style = asset("page.css")
    script = _script()
    described, numbers = manifest(content, start)
    sections = {
        "step": _cards(content, links),
        "heads": heads_html(content),
        "stream": stream_html(content),
        "bytes": bytes_html(content),
        "update": update_html(content),
        "proof": proof_html(content, links),
    }
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:"
    )
    nav = "".join(
        f'<a href="#{name}">{title}</a>' for name, title in SECTIONS.items() if sections[name]
    )
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="generator" content="scratchgpt explore">',
            f"<title>{escape(content.step.title)}</title>",
            f"<style>{style}</style>\n</head>\n<body>",
            '<a class="skip" href="#step">Skip to the step</a>',
            _bar(nav, start is not None),
            _head(content),
            '<div class="layout"><nav class="side" aria-label="Map of the step">'
            f"{map_html(content)}</nav>",
            f"<main>{''.join(sections.values())}</main></div>",
            _help(),
            asset("dock.html"),
            f'<script type="application/json" id="manifest">{_json(described)}</script>',
            f'<script type="text/plain" id="numbers">{packed(numbers)}</script>',
            f"<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


def asset(name: str) -> str:
    """Return a style sheet, a script or a part of the page that belongs to the package."""
    return read_text(Path(__file__).parents[1] / "assets" / name)


def _script() -> str:
    """Return the scripts in one function, which waits for the numbers at its start."""
    parts = "".join(asset(name) for name in SCRIPTS)
    return f'"use strict";\n(async () => {{\n{parts}}})();\n'


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _json(value: dict[str, Any]) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _bar(nav: str, has_start: bool) -> str:
    switch = (
        '<button type="button" id="start" aria-pressed="false">before training</button>'
        if has_start
        else ""
    )
    return (
        f'<header class="bar"><a class="brand" href="#top">one step</a><nav aria-label="Sections">'
        f'{nav}</nav><span class="tools script">{switch}'
        '<button type="button" id="theme" aria-label="Light or dark">◐</button>'
        '<button type="button" id="help-button" aria-label="Help">?</button></span></header>'
    )


def _head(content: Content) -> str:
    step, config = content.step, content.step.model.config
    loss = content.recording.loss
    notes = "".join(f"<li>{escape(note)}</li>" for note in step.notes)
    letters = ", ".join(f"<b>{a}</b> {n:,}" for a, n in content.sizes.items())
    words = [
        f'<header class="title" id="top"><h1>{escape(step.title)}</h1>',
        "<p class=lead>One real training step, forward and backward. Every number is of the "
        "reference code, and can be followed to the numbers it was computed from.</p>",
        _tokens(content),
        f'<p class="key">{_key(step)}</p>',
        '<dl class="facts">',
        f"<div><dt>loss</dt><dd>{number(loss, 5)}</dd></div>",
        f"<div><dt>norm of the gradient</dt><dd>{number(content.update.norm, 4)}</dd></div>",
        f"<div><dt>parameters</dt><dd>{step.model.store.size:,}</dd></div>",
        f"<div><dt>steps on this page</dt><dd>{2 * len(content.cards)}</dd></div>",
        f"<div><dt>saved</dt><dd>{bytes_of(content.recording.n_bytes)}</dd></div></dl>",
        f'<p class="letters">Sizes: {letters}. The norm is '
        f"{'before' if config.norm_position == 'pre' else 'after'} each branch.</p>",
        f'<ul class="notes">{notes}</ul>' if notes else "",
        _begin(content),
    ]
    if not math.isfinite(loss):
        words.append(
            '<p class="warning">The loss is not finite. The first card with NaN or infinite '
            "numbers is where to look.</p>"
        )
    words.append(
        '<noscript><p class="warning">The pictures and “follow one number” need JavaScript. The '
        "text, the formulas, the code and the statistics are all here.</p></noscript></header>"
    )
    return "".join(words)


def _key(step: Step) -> str:
    """Return what the boxes of the tokens mean."""
    if step.source is None:
        words = "Each box is a token that the model reads. "
    else:
        words = "The first row is the source. Each box below is a token that the decoder reads. "
    return (
        f"{words}Below it is the token that comes next, and the probability that the model gives "
        "to it; a dash does not count."
    )


def _begin(content: Content) -> str:
    """Return three places where a reader may begin."""
    attention = next((c.id for c in reversed(content.shown) if c.op == "attention"), "step")
    norm = next((c for c in reversed(content.shown) if c.is_norm_of_stream), None)
    terms = "The three terms of layer norm", "Two averages are subtracted"
    if norm is not None and norm.op == "rms_norm":
        terms = "The two terms of RMS norm", "One average is subtracted"
    places = (
        (
            "cross_entropy/backward/dlogits",
            "Where the gradient begins",
            "The gradient of the logits is "
            "what the model predicted minus what came. From there, go down the cards.",
        ),
        (
            f"{attention}/backward/dS",
            "Through the softmax of attention",
            "S, P, dP and dS: which scores the loss would like to be higher.",
        ),
        (
            f"{norm.id if norm else 'step'}/backward/dx",
            terms[0],
            f"{terms[1]}. Click a number to see the terms with the numbers in them.",
        ),
    )
    items = "".join(
        f'<li><a href="#{escape(target)}">{title}</a>{text}</li>' for target, title, text in places
    )
    return f'<ul class="begin">{items}</ul>'


def _tokens(content: Content) -> str:
    """Return the tokens with their targets, and the probability of each target."""
    step = content.step
    p = _target_probabilities(content)
    items = []
    for t, (read, target) in enumerate(zip(step.tokens, step.targets, strict=True)):
        below = '<span class="none">–</span>'
        if target >= 0:
            below = f"<b>{escape(token(step.spell(int(target))))}</b>"
            if p is not None:
                below += f" <small>{number(float(p[t]), 2)}</small>"
        items.append(
            f'<li><span class="read">{escape(token(step.spell(int(read))))}</span>'
            f'<span class="next">{below}</span></li>'
        )
    source = ""
    if step.source is not None:
        words = "".join(
            f'<li><span class="read">{escape(token(step.spell(int(s))))}</span></li>'
            for s in step.source
        )
        source = f'<ol class="tokens" aria-label="Source">{words}</ol>'
    return (
        f'{source}<ol class="tokens" aria-label="Tokens, with the next token and its probability">'
        f"{''.join(items)}</ol>"
    )


def _target_probabilities(content: Content) -> np.ndarray | None:
    card = next((c for c in content.cards if c.op == "cross_entropy"), None)
    field = None if card is None else next((f for f in card.fields if f.name == "p"), None)
    if field is None:
        return None
    p = content.values[field.value].array
    targets = np.maximum(content.step.targets, 0)
    return np.take_along_axis(p, targets[:, None], axis=-1)[:, 0]


def _cards(content: Content, links: Links) -> str:
    """Return all cards in groups; the formulas of an operation are open where it first appears."""
    seen: set[str] = set()
    groups = []
    for name, cards in groupby(content.shown, key=group_of):
        parts = []
        for card in cards:
            parts.append(card_html(content, card, links, is_open=card.op not in seen))
            seen.add(card.op)
        groups.append(f'<section class="group"><h2>{escape(name)}</h2>{"".join(parts)}</section>')
    return f'<section id="step" tabindex="-1">{"".join(groups)}</section>'


def _help() -> str:
    return asset("help.html")
