"""``scratchgpt explore``: a page of a run, of a model, and of a small model of its own."""

import re

import pytest

from scratchgpt import explore
from scratchgpt.explore.demo import demo_steps


@pytest.fixture
def run(scratchgpt, tmp_path):
    settings = "--preset gpt-nano --n-layer 2 --n-head 2 --n-embd 8 --batch-size 2 --steps 2"
    outcome = scratchgpt("train", "--task", "sort", *settings.split(), "--out", tmp_path / "run")
    assert outcome.status == 0
    return tmp_path / "run"


def test_the_page_of_a_run_and_its_size(scratchgpt, run, tmp_path):
    out = tmp_path / "page.html"
    outcome = scratchgpt("explore", run, "--no-landscape", "--tokens", 6, "--out", out)
    assert outcome.status == 0
    size = f"{out.stat().st_size / 1000:,.1f} kB"
    assert re.fullmatch(rf"{re.escape(f'{out}: {size}')}, [\d,]+ numbers\n", outcome.stdout)
    assert "The page shows the first of the 2 rows of the batch." in outcome.stderr
    html = out.read_text(encoding="utf-8")
    assert "<title>Step 3 of the run in run</title>" in html
    assert "h.1.attn.attention/backward/dS" in html


def test_blocks_are_chosen_and_counted(scratchgpt, refused, run, tmp_path):
    out = tmp_path / "page.html"
    words = ("explore", run, "--no-landscape", "--out", out)
    outcome = scratchgpt(*words, "--layers", "1", "--docs", "https://example.org/")
    assert "the page shows 1 of 2 blocks; --layers chooses them" in outcome.stderr
    html = out.read_text(encoding="utf-8")
    assert 'id="h.0.attn.attention"' not in html
    assert "https://example.org/ops/attention.html" in html
    out.unlink()
    assert "there is no block 7" in refused(*words, "--layers", "7")
    assert "'a' is not a list of blocks" in refused(*words, "--layers", "a")
    assert not out.exists()


def test_without_a_model_a_small_one_is_trained(scratchgpt, refused, tmp_path, monkeypatch):
    monkeypatch.setattr(explore, "demo_steps", lambda task, **kw: demo_steps(task, 2, **kw))
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    out = tmp_path / "page.html"
    outcome = scratchgpt("explore", "--task", "addition", "--out", out, "--open")
    assert outcome.status == 0
    assert "training a small GPT on addition" in outcome.stderr
    assert opened == [out.resolve().as_uri()]
    assert 'id="start"' in out.read_text(encoding="utf-8")
    assert "--text needs a model" in refused("explore", "--text", "a", "--out", tmp_path / "b")
    assert "there is no task" in refused("explore", "--task", "sorting", "--out", tmp_path / "b")
    error = refused("explore", tmp_path, "--task", "sort", "--out", tmp_path / "b")
    assert "--task sort is for the small GPT" in error
