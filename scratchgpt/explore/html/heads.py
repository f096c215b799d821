"""The section of attention: S, P, dP and dS of each head beside each other."""

import numpy as np

from scratchgpt.explore.cards import Card
from scratchgpt.explore.content import Content
from scratchgpt.explore.glue import find
from scratchgpt.explore.html.text import escape, number, token

PANELS = ("S", "P", "dP", "dS")


def heads_html(content: Content) -> str:
    """Return the section."""
    cards = [card for card in content.shown if card.op == "attention"]
    if not cards:
        return ""
    return (
        '<section id="heads" class="view"><h2>Attention, head by head</h2>'
        "<p>Rows are queries, columns are keys. S are the scores, P the weights. dP says how the "
        "loss changes with a weight, dS how it changes with a score: where dS is negative, a "
        "higher score would lower the loss. Each row of dS adds up to zero, because the weights of "
        "a row always add up to one. Weights are not explanations: they say where a head reads, "
        "not what follows from it.</p>"
        + "".join(_view(content, card) for card in cards)
        + "</section>"
    )


def _view(content: Content, card: Card) -> str:
    at = {
        name: find(card, "forward" if name in ("S", "P") else "backward", name).value
        for name in PANELS
    }
    data = " ".join(f'data-{name.lower()}="{number}"' for name, number in at.items())
    n_heads = content.sizes["H"]
    buttons = "".join(
        f'<button type="button" data-head="{h}" aria-pressed="{str(h == 0).lower()}">head {h}'
        "</button>"
        for h in range(n_heads)
    )
    return (
        f'<div class="attention" id="heads/{escape(card.id)}" {data} '
        f'data-queries="{card.facts["queries"]}" data-keys="{card.facts["keys"]}">'
        f'<h3><a href="#{escape(card.id)}">{escape(card.id)}</a></h3>'
        f'<div class="choice script" role="group" aria-label="Head">{buttons}</div>'
        '<div class="panels"></div><p class="reading" aria-live="polite"></p>'
        f"{_in_words(content, card, at)}</div>"
    )


def _in_words(content: Content, card: Card, at: dict[str, int]) -> str:
    """Return a table of the key with the largest weight, and of that with the most negative dS."""
    weights, dscores = (content.values[at[name]].array for name in ("P", "dS"))
    queries, keys = (_tokens(content, card.facts[name]) for name in ("queries", "keys"))
    head = "".join(f"<th>head {h}</th>" for h in range(len(weights)))
    rows = []
    for t, word in enumerate(queries):
        cells = []
        for h in range(len(weights)):
            most = int(np.nan_to_num(weights[h, t]).argmax())
            wanted = int(np.nan_to_num(dscores[h, t]).argmin())
            cell = f"<b>{most} {escape(keys[most])}</b> {number(float(weights[h, t, most]), 2)}"
            if dscores[h, t, wanted] < 0:
                cell += f"<br><small>more: {wanted} {escape(keys[wanted])}</small>"
            cells.append(f"<td>{cell}</td>")
        rows.append(f'<tr><th scope="row">{t} {escape(word)}</th>{"".join(cells)}</tr>')
    return (
        "<details><summary>In words: where each query reads, and where the gradient asks for more"
        f'</summary><div class="scroll"><table class="lens"><thead><tr><th>query</th>{head}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div></details>"
    )


def _tokens(content: Content, letter: str) -> list[str]:
    source = content.step.source
    row = source if letter == "S" and source is not None else content.step.tokens
    return [token(content.step.spell(int(t))) for t in row]
