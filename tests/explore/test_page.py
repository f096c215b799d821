"""The page as a document: whole without a script, closed, of limited size, the same every time."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.explore import page as module
from scratchgpt.explore.html.document import document
from scratchgpt.explore.html.text import Links
from scratchgpt.explore.page import MOST_BYTES, make_page, spread
from scratchgpt.memory import walk

VOID = {"meta", "br", "rect", "line", "path", "circle", "mspace", "input", "polyline"}


class Document(HTMLParser):
    """Collects ids, links and scripts, and checks that elements are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.open, self.texts = [], [], [], {}
        self.styles = 0
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[key] for key in ("href", "src") if key in attributes]
        self.styles += "style" in attributes
        assert not any(key.startswith("on") for key in attributes)

    def handle_startendtag(self, tag, attributes):
        self.ids += [value for key, value in attributes if key == "id"]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.texts.setdefault(self.open[-1], []).append(data)


def parsed(html):
    return Document(html)


def test_ids_are_unique_and_links_have_targets(each_content):
    found = parsed(document(each_content, Links()))
    assert len(found.ids) == len(set(found.ids))
    assert all(link.startswith("#") for link in found.links)
    assert {link[1:] for link in found.links} <= set(found.ids)


def test_links_to_the_docs_are_the_only_ones_that_leave_the_page(step):
    found = parsed(make_page(step, docs="https://example.org/docs/", landscape=False).html)
    outside = {link for link in found.links if not link.startswith("#")}
    assert "https://example.org/docs/ops/attention.html" in outside
    assert all(link.startswith("https://example.org/docs/") for link in outside)


def test_every_path_of_saved_is_an_anchor(demo):
    step = demo.content.step
    with kernels.disabled():
        _, saved = step.objective.loss(step.batch, dropout_seed=None)
    ids = set(parsed(demo.html).ids)
    skipped = ("weight", "tokens", "targets", "counted")
    paths = [path for path, _ in walk(saved) if path.rpartition(".")[2] not in skipped]
    assert len(paths) > 20
    assert set(paths) <= ids


def test_only_the_script_and_the_style_of_the_page_may_run(demo):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', demo.html)[1]
    found = parsed(demo.html)
    assert found.styles == 0
    for kind, text in (("script", found.texts["script"][-1]), ("style", found.texts["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_the_same_step_is_the_same_page(make_step):
    pages = [make_page(make_step("gpt-dropout"), landscape=False).html for _ in range(2)]
    assert pages[0] == pages[1]


def test_the_page_of_the_demo_is_small(demo):
    assert demo.n_bytes < 1_200_000
    assert demo.content.n_followed > 60_000


def test_tokens_and_titles_are_escaped(step):
    evil = "</script><b>&\u2028"
    step = replace(step, spell=lambda token: evil, title=evil)
    html = make_page(step, landscape=False).html
    assert "<b>&\u2028" not in html
    assert html.count("</script>") == 3
    data = re.search(r'id="manifest">(.*?)</script>', html, re.DOTALL)[1]
    assert json.loads(data)["tokens"]["V"][0] == "</script><b>&�"


def test_a_step_with_nan_is_shown(step):
    step.model.store.named["transformer.h.1.mlp.c_fc.weight"].value[0, 0] = np.nan
    page = make_page(step)
    assert "The loss is not finite" in page.html
    assert "Training stops here with an error" in page.html
    assert "its gradients cannot be checked" in page.html
    assert re.search(r"<strong>\d+ NaN</strong>", page.html)
    json.loads(re.search(r'id="manifest">(.*?)</script>', page.html, re.DOTALL)[1])


def test_a_model_without_an_optimizer_has_no_update(step):
    html = make_page(replace(step, optimizer=None), landscape=False).html
    assert "There is no update to show, because the model has no optimizer." in html
    assert "decay" not in re.search(r'<section id="update".*?</section>', html, re.DOTALL)[0]


def test_the_page_of_a_run_with_muon_has_both_optimizers(make_step):
    html = make_page(make_step("gpt", training={"optimizer": "muon"}), landscape=False).html
    assert "Muon moves each linear map inside the model as a whole." in html
    assert "AdamW moves all other weights" in html
    found = re.findall(
        r"(Columns \d+ to \d+): singular values from ([\d.e−]+) to [\d.]+ in X", html
    )
    assert [columns for columns, _ in found[:3]] == [
        "Columns 0 to 11",
        "Columns 12 to 23",
        "Columns 24 to 35",
    ]
    assert 'id="update/transformer.h.0.mlp.c_fc.weight/ahead"' in html


def test_with_muon_alone_nothing_is_said_of_adamw(make_step):
    step = make_step("gpt", training={"optimizer": "muon"})
    store = step.model.store
    store.freeze({name for name, parameter in store.named.items() if not parameter.columns})
    html = make_page(step, landscape=False).html
    assert "Muon moves each linear map" in html
    assert "AdamW moves" not in html
    [wte] = re.findall(r"<summary><code>transformer.wte.weight</code>.*?<figure", html, re.DOTALL)
    assert "frozen" in wte
    assert "decay" not in wte


def test_text_that_matters_is_there_without_a_script(demo):
    text = re.sub(r"<script.*?</script>", "", demo.html, flags=re.DOTALL)
    for words in (
        "PyTorch’s autograd: 10 nodes",
        "_sum_groups(_groups(dscores, k).mT, _groups(q, k), dk)",
        "scratchgpt/ops/attention.py:",
        "<math>",
        "Loss and gradients are equal bit for bit",
        "need JavaScript",
    ):
        assert words in text
    assert text.count('<p class="stat">') > 200


def limited(monkeypatch, n_bytes):
    monkeypatch.setattr(module, "MOST_BYTES", n_bytes)


def test_a_large_model_shows_as_many_blocks_as_fit(make_step, monkeypatch):
    step = make_step("gpt", n_layer=5)
    whole = make_page(step, landscape=False)
    assert whole.content.hidden == frozenset()
    limited(monkeypatch, whole.n_bytes * 2 // 3)
    part = make_page(step, landscape=False)
    shown = [name for name in part.content.blocks if name not in part.content.hidden]
    assert part.n_bytes <= whole.n_bytes * 2 // 3
    assert {"h.0", "h.4"} <= set(shown)
    assert not part.content.has_moments
    found = parsed(part.html)
    assert "h.4.attn.attention" in found.ids
    hidden = next(iter(part.content.hidden))
    assert f"{hidden}.attn.attention" not in found.ids
    assert {link[1:] for link in found.links} <= set(found.ids)


def test_blocks_that_do_not_fit_are_refused_with_what_fits(make_step, monkeypatch):
    step = make_step("gpt", n_layer=3)
    n_bytes = make_page(step, blocks=[1], landscape=False).n_bytes
    limited(monkeypatch, n_bytes)
    with pytest.raises(UserError, match=r"page would have \d.\d MB, more than .* --layers 0 fits"):
        make_page(step, blocks=[0, 1, 2], landscape=False)
    limited(monkeypatch, 1000)
    with pytest.raises(UserError, match="give fewer --tokens"):
        make_page(step, landscape=False)
    with pytest.raises(UserError, match="there is no block 3; the model has 3 blocks, from 0 to 2"):
        make_page(step, blocks=[3], landscape=False)


def test_the_last_and_the_first_block_come_first():
    assert spread(1) == [0]
    assert spread(2) == [1, 0]
    assert spread(12)[:3] == [11, 0, 6]
    assert sorted(spread(12)) == list(range(12))


def test_a_large_vocabulary_is_shown_by_its_best_tokens(make_step, monkeypatch):
    step = make_step("gpt", vocab_size=3000)
    step = replace(step, spell=lambda token: f"w{token}")
    content = make_page(step, landscape=False).content
    assert not all(value.is_whole for value in content.values.all)
    html = document(content, Links())
    assert "The best 50 of all tokens at each position" in html
    assert "norm of the logits" in html
    assert MOST_BYTES == 3_000_000
