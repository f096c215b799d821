"""``scratchgpt index``: the index of a search, its status and its removal."""

import json

import pytest


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("def read(): pass\n")
    (folder / "b.txt").write_text("bread\n")
    return folder


def test_changes_are_counted(scratchgpt, tree, encoder_folder):
    outcome = scratchgpt("index", tree, "--model", encoder_folder)
    lines = outcome.stdout.splitlines()
    assert lines[0] == "2 files: 2 added, 0 changed, 0 removed, 0 kept"
    assert lines[1] == "2 texts embedded"
    (tree / "c.txt").write_text("bread\n")
    (tree / "a.py").unlink()
    record = json.loads(scratchgpt("index", tree, "--json").stdout)
    assert record["folder"] == lines[2].removeprefix("index: ")
    counts = [record[name] for name in ("added", "changed", "removed", "kept", "embedded")]
    assert counts == [1, 0, 1, 1, 0]


def test_without_a_model_words_are_indexed(scratchgpt, tree):
    outcome = scratchgpt("index", tree)
    assert "by words only" in outcome.stderr
    assert "embedded" not in outcome.stdout


def test_the_status_and_the_removal(scratchgpt, tree, encoder_folder):
    assert "files      0" in scratchgpt("index", tree, "--status").stdout
    scratchgpt("index", tree, "--model", encoder_folder)
    status = scratchgpt("index", tree, "--status").stdout
    assert "files      2" in status
    assert "embedded   2 pieces" in status
    assert str(encoder_folder) in status
    record = json.loads(scratchgpt("index", tree, "--status", "--json").stdout)
    assert (record["n_files"], record["n_embedded"]) == (2, 2)
    assert scratchgpt("index", tree, "--clear").stdout.startswith("removed ")
    assert json.loads(scratchgpt("index", tree, "--status", "--json").stdout)["n_files"] == 0


def test_an_index_may_be_in_any_folder(scratchgpt, tree, tmp_path):
    place = tmp_path / "here"
    scratchgpt("index", tree, "--index", place)
    assert (place / "contents.safetensors").exists()
    outcome = scratchgpt("search", "--lexical", "bread", tree, "--index", place)
    assert "b.txt:1" in outcome.stdout
    assert not (tmp_path / "cache").exists()


def test_another_model_is_said(scratchgpt, tree, encoder_folder, tmp_path):
    from scratchgpt.models import load_pretrained, save_pretrained
    from scratchgpt.text import load_tokenizer

    model = load_pretrained(encoder_folder)
    next(iter(model.store.named.values())).value[0, 0] += 1
    save_pretrained(model, tmp_path / "other")
    load_tokenizer(encoder_folder).save(tmp_path / "other" / "tokenizer.json")
    scratchgpt("index", tree, "--model", encoder_folder)
    outcome = scratchgpt("index", tree, "--model", tmp_path / "other")
    [line] = outcome.stderr.splitlines()
    assert "made with another model" in line
    assert "2 texts embedded" in outcome.stdout


def test_a_damaged_index_is_said(scratchgpt, tree, tmp_path):
    place = tmp_path / "here"
    scratchgpt("index", tree, "--index", place)
    (place / "contents.safetensors").write_bytes(b"damaged")
    outcome = scratchgpt("search", "--lexical", "bread", tree, "--index", place)
    [line] = outcome.stderr.splitlines()
    assert "computed again" in line
    assert "b.txt:1" in outcome.stdout


def test_impossible_options_are_refused(refused, tree):
    assert "leave out one" in refused("index", tree, "--status", "--clear")
    assert "does not exist" in refused("index", tree / "absent")
