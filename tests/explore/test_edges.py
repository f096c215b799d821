"""The arrows of the map: what the cards pass to each other, as wide as its norm says."""

import re

import numpy as np

from scratchgpt.explore.edges import edges_of
from scratchgpt.explore.html.map import THINNEST, WIDEST, map_html, width_of


def test_every_card_but_the_ends_passes_something_on(each_content):
    content = each_content
    edges = edges_of(content.cards)
    passing = {edge.source.id for edge in edges}
    silent = {card.id for card in content.cards if card.id not in passing}
    # The arrows from the memory to each block of the decoder are left out.
    assert silent - {"decoder.memory"} == {"cross_entropy"}
    assert all(edge.gradient is not None for edge in edges)


def test_the_gradients_of_a_value_that_two_cards_read_add_up_to_that_of_its_source(
    each_content,
):
    content = each_content
    values = content.values
    edges = edges_of(content.cards)
    forks = 0
    for card in content.cards:
        parts = [edge.gradient for edge in edges if edge.source is card]
        received = [f for f in card.fields if f.side == "backward" and f.name in ("dy", "dx")]
        if len(parts) < 2 or any("heads" in e.target.facts for e in edges if e.source is card):
            continue  # q and k are parts of one array, and so are their gradients
        forks += 1
        total = sum(values[number].array for number in parts)
        np.testing.assert_allclose(total, values[received[0].value].array, rtol=1e-5, atol=1e-7)
    assert forks >= 4


def test_an_arrow_is_wider_for_a_larger_norm(each_content):
    content = each_content
    assert [width_of(x, 0.01, 1.0) for x in (0.01, 0.1, 1.0)] == [
        THINNEST,
        (THINNEST + WIDEST) / 2,
        WIDEST,
    ]
    assert width_of(None, 0.01, 1.0) == width_of(0.0, 0.01, 1.0) == THINNEST
    assert THINNEST < width_of(0.5, 0.5, 0.5) < WIDEST
    assert THINNEST < width_of(np.inf, 0.01, 1.0) < WIDEST
    html = map_html(content)
    edges = edges_of(content.cards)
    assert html.count('class="arrow forward"') == html.count('class="arrow backward"')
    assert html.count('class="arrow forward"') == len(edges)
    widths = [float(w) for w in re.findall(r'stroke-width="([\d.]+)"', html)]
    assert all(THINNEST <= w <= WIDEST for w in widths)
    assert "gradient of" in html
