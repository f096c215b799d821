"""A run is resumed and evaluated from every folder, whatever words named its data."""

import os
import shutil

import pytest

from scratchgpt.recipes import configure, evaluate, find_recipe, read_run, start, train
from scratchgpt.recipes.paths import find_from, make_absolute
from scratchgpt.recipes.resolve import keep_standard_input

TEXT = "the quick brown fox jumps over the lazy dog, and the dog does not mind at all\n" * 40
GPT = {"n_layer": 1, "n_head": 1, "n_embd": 8, "block_size": 8}
TRANSFORMER = {"n_encoder_layer": 1, "n_decoder_layer": 1, "n_embd": 8, "n_head": 1}
PAIRS = [(f"{a} {b}", f"{b} {a}") for a in "abcdef" for b in "ghij"]
TRANSLATION = {"task": "translation", "preset": "transformer-tiny", "model": TRANSFORMER}

WORDS = {
    "a file": {"corpus": "data/a.txt"},
    "a file above": {"corpus": "../work/data/a.txt"},
    "a folder and a file": {"corpus": ("data/texts", "data/a.txt")},
    "a pattern": {"corpus": "data/texts/*.txt"},
    "a tokenizer": {"corpus": "data/a.txt", "tokenizer": "data/tokenizer"},
    "a prepared corpus": {"corpus": "data/prepared"},
    "a model": {"corpus": "data/a.txt", "init": "data/model", "model": {}},
    "two files": {"corpus": ("data/a.de", "data/a.en"), **TRANSLATION},
    "languages": {"corpus": "data/a.jsonl:de-en", **TRANSLATION},
    "a file called as a corpus": {"corpus": "python-docs"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data of all kinds, in a folder whose name has characters of a pattern."""
    from scratchgpt.text import prepare

    work = tmp_path_factory.mktemp("some [work]") / "work"
    (work / "data" / "texts").mkdir(parents=True)
    for name in ("data/a.txt", "data/texts/b.txt", "python-docs"):
        (work / name).write_text(TEXT)
    for i, side in enumerate(("de", "en")):
        (work / "data" / f"a.{side}").write_text("".join(f"{pair[i]}\n" for pair in PAIRS))
    rows = [f'{{"de": "{source}", "en": "{target}"}}\n' for source, target in PAIRS]
    (work / "data" / "a.jsonl").write_text("".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRATCHGPT_CACHE", str(work / "cache"))
        patch.setattr("scratchgpt.training.trainer.plot_metrics", lambda *_, **options: False)
        data = prepare([str(work / "data" / "a.txt")], directory=work / "data" / "prepared")
        data.tokenizer.save(work / "data" / "tokenizer")
        run = configure(corpus=str(work / "data" / "a.txt"), model=GPT, training={"steps": 1})
        train(run, work / "data" / "model")
        yield work


@pytest.fixture
def make_run():
    def make(words):
        settings = {"steps": 1, "batch_size": 2}
        if "task" in words:
            settings = {"steps": 1, "tokens_per_batch": 64, "average": 0}
            words = {"tokenizer": "characters", **words}
        return configure(**{"model": GPT, "training": settings, **words})

    return make


@pytest.mark.parametrize(
    ("words", "old"),
    [(words, False) for words in WORDS]
    # For an old run, a word that is also the name of a corpus is that name elsewhere.
    + [(words, True) for words in WORDS if words != "a file called as a corpus"],
)
def test_the_data_of_a_run_is_found_from_another_folder(
    make_run, folder, tmp_path, monkeypatch, words, old
):
    monkeypatch.chdir(folder)
    out = folder / "runs" / "a"
    shutil.rmtree(out, ignore_errors=True)
    if old:  # as earlier versions did
        monkeypatch.setattr("scratchgpt.recipes.run_file.make_absolute", dict)
    begun = start(make_run(WORDS[words]), "runs/a")
    begun.trainer.close()
    monkeypatch.chdir(tmp_path)
    run = read_run(out)
    data = find_recipe(run.task).open(run, None)
    assert data.fingerprint == begun.data.fingerprint
    assert data.tokenizer.fingerprint == begun.data.tokenizer.fingerprint


@pytest.mark.parametrize("words", ["a file", "languages"])
def test_a_run_is_resumed_and_evaluated_from_another_folder(
    make_run, folder, tmp_path, monkeypatch, words
):
    monkeypatch.chdir(folder)
    out = folder / "runs" / words
    train(make_run(WORDS[words]), f"runs/{words}")
    monkeypatch.chdir(tmp_path)
    assert train(configure(read_run(out), training={"steps": 2}), out, resume=True).step == 2
    assert evaluate(out, beams=1 if "task" in WORDS[words] else 4).as_dict()["loss"] > 0


@pytest.mark.parametrize(
    "values",
    [
        {"corpus": ["dates"], "task": "translation", "tokenizer": "characters"},
        {"corpus": ["multi30k:de-en"], "task": "translation", "tokenizer": "bpe:300"},
        {"corpus": ["python-docs", "absent.txt", "absent/*.txt", "-"], "tokenizer": "bytes"},
        {"corpus": 5, "tokenizer": None},
    ],
)
def test_names_and_what_does_not_exist_are_unchanged(folder, tmp_path, monkeypatch, values):
    for name in ("dates", "multi30k", "characters", "bytes", "bpe:300"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert make_absolute(values) == values
    monkeypatch.chdir(folder)
    names = {name: value for name, value in values.items() if name != "corpus" or value != 5}
    if "python-docs" not in str(names):  # which is a file here
        assert find_from(tmp_path / "runs" / "a", names) == names


def test_a_pipe_is_kept_in_a_file(folder, tmp_path, monkeypatch):
    reader, writer = os.pipe()
    os.write(writer, TEXT.encode())
    os.close(writer)
    run = keep_standard_input(configure(corpus=f"/dev/fd/{reader}", model=GPT))
    os.close(reader)
    assert run.corpus[0].endswith(".txt")
    start(configure(run, training={"steps": 1}), tmp_path / "a").trainer.close()
