"""``scratchgpt sweep``: a table of trials, which run in one process or in several."""

import json

import pytest

FILE = """
corpus = ["{text}"]
[model]
n_layer = 1
n_head = 1
n_embd = 4
block_size = 8
[training]
steps = 2
eval_interval = 1
eval_batches = 1
batch_size = 2
[sweep.training]
lr = {{ low = 1e-3, high = 1e-1, log = true }}
"""


@pytest.fixture(autouse=True)
def optuna():
    return pytest.importorskip("optuna")


@pytest.fixture
def file(text_file, tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(FILE.format(text=text_file))
    return path


def test_a_sweep_in_two_processes_prints_a_table_and_is_extended(scratchgpt, file, tmp_path):
    out = tmp_path / "out"
    outcome = scratchgpt("sweep", file, "--trials", 2, "--jobs", 2, "--out", out, "--threads", 1)
    assert outcome.status == 0, outcome.stderr
    assert len(outcome.stdout.splitlines()) == 3
    assert "2 trials: 2 complete, 0 pruned, 0 failed" in outcome.stderr
    assert outcome.stderr.count("\ntrial ") + outcome.stderr.startswith("trial ") == 2
    outcome = scratchgpt("sweep", "--resume", "--trials", 3, "--out", out, "--json")
    assert outcome.status == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    assert [trial["outcome"] for trial in found["trials"]] == ["complete"] * 3
    assert sorted(trial["number"] for trial in found["trials"]) == [0, 1, 2]


def test_the_words_must_fit_together(refused, file, tmp_path):
    assert "name the file of a new sweep, or continue one with --resume" in refused("sweep")
    assert "name the file of a new sweep" in refused("sweep", file, "--resume")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    assert "already contains files" in refused("sweep", file, "--out", tmp_path / "out")
