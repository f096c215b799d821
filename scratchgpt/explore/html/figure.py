"""An array as a figure: its name, shape and statistics; the script adds the picture."""

from scratchgpt.explore.cards import Card, Field
from scratchgpt.explore.content import Content
from scratchgpt.explore.html.text import escape, number
from scratchgpt.explore.values import Statistics


def figure(content: Content, card: Card, field: Field, *, anchor: bool = True) -> str:
    """Return a field of a card as a figure."""
    identity = f' id="{escape(field_id(card, field))}"' if anchor else ""
    alias = f'<span id="{escape(field.path)}"></span>' if field.path and anchor else ""
    return _figure(
        content,
        field.value,
        field.name,
        field.axes,
        f'class="fig {field.role}"{identity}',
        alias,
    )


def plain_figure(
    content: Content, value: int, name: str, axes: tuple[str, ...], identity: str = ""
) -> str:
    """Return an array that is not a field of a card as a figure."""
    at = f' id="{escape(identity)}"' if identity else ""
    return _figure(content, value, name, axes, f'class="fig"{at}', "")


def card_link(content: Content, card: Card) -> str:
    """Return a link to a card, or its name if the page leaves it out."""
    name = escape(card.id)
    return f'<a href="#{name}">{name}</a>' if content.shows(card) else name


def field_id(card: Card, field: Field) -> str:
    """Return the anchor of a field: ``h.0.attn.attention/backward/dS``."""
    return f"{card.id}/{field.side}/{field.name.replace(' ', '_')}"


def _figure(
    content: Content, value: int, name: str, axes: tuple[str, ...], attributes: str, alias: str
) -> str:
    array = content.values[value].array
    shape = " × ".join(f"{axis}&nbsp;{size}" for axis, size in zip(axes, array.shape, strict=True))
    head = f"<figcaption><b>{escape(name)}</b> <span>{shape or 'number'}</span></figcaption>"
    if not array.ndim:
        body = f'<p class="scalar">{number(float(array), 6)}</p>'
    else:
        line = statistics(content.values[value].statistics)
        body = f'<div class="pic"></div><p class="stat">{line}</p>'
    return f'<figure {attributes} data-v="{value}">{alias}{head}{body}</figure>'


def statistics(found: Statistics) -> str:
    """Return minimum, maximum and norm, and how many elements are masked or NaN."""
    parts = []
    if found.least is not None and found.most is not None:
        parts += [f"{number(found.least)} … {number(found.most)}", f"norm {number(found.norm)}"]
    if found.n_masked:
        parts.append(f"{found.n_masked:,} masked")
    if found.n_nan:
        parts.append(f"<strong>{found.n_nan:,} NaN</strong>")
    return " · ".join(parts)
