"""Translation from the command line: training, translating, evaluating."""

import io
import json
import sys
import tomllib

import numpy as np
import pytest

from scratchgpt.generation import Translation
from scratchgpt.models import Transformer, load_pretrained
from scratchgpt.text import load_tokenizer

NAMES = ["Anna", "Bert", "Carl", "Dora", "Emil", "Frida"]
VERBS = {"sieht": "sees", "hört": "hears", "ruft": "calls"}
PAIRS = [
    (f"{a} {verb} {b} nicht.", f"{a} never {VERBS[verb]} {b}.")
    for a in NAMES
    for verb in VERBS
    for b in NAMES
    if a != b
]
TINY = ("--preset", "transformer-tiny", "--n-encoder-layer", 1, "--n-decoder-layer", 1)
SMALL = (*TINY, "--n-embd", 16, "--n-head", 2, "--dropout", 0.1)


@pytest.fixture
def two_files(tmp_path):
    files = tmp_path / "mine.de", tmp_path / "mine.en"
    for file, side in zip(files, zip(*PAIRS, strict=True), strict=True):
        file.write_text("\n".join(side) + "\n", encoding="utf-8")
    return files


@pytest.fixture
def small(two_files):
    """Arguments of a translation run that takes a second."""
    batch = ("--tokens-per-batch", 256, "--log-interval", 1, "--checkpoint-interval", 2)
    return ("train", "--task", "translation", *two_files, "--tokenizer", "bpe:300", *SMALL, *batch)


@pytest.fixture
def translator(scratchgpt, small, tmp_path):
    """The folder of a finished run of 6 steps."""
    out = tmp_path / "translator"
    outcome = scratchgpt(*small, "--steps", 6, "--average", 2, "--out", out)
    assert outcome.status == 0, outcome.stderr
    return out


@pytest.fixture
def trained_translator(scratchgpt, small, tmp_path):
    """The folder of a run that has learned the language of a hundred sentences."""
    out = tmp_path / "trained_translator"
    settings = ("--steps", 250, "--n-embd", 32, "--lr", 1e-2, "--dropout", 0, "--average", 5)
    intervals = ("--eval-interval", 125, "--checkpoint-interval", 10)
    outcome = scratchgpt(*small, *settings, *intervals, "--out", out)
    assert outcome.status == 0, outcome.stderr
    return out


def metrics(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_models_configuration_metrics_and_curves(translator):
    for which in ("last", "best", "average"):
        model = load_pretrained(translator / which)
        assert isinstance(model, Transformer)
        tokenizer = load_tokenizer(translator / which)
        assert (model.config.n_embd, model.config.padding_id) == (16, tokenizer.padding)
        assert model.config.vocab_size == tokenizer.vocab_size == 300
    assert [m["step"] for m in metrics(translator)] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert "average_val_loss" in metrics(translator)[-1]
    assert (translator / "loss.png").stat().st_size > 10_000


def test_the_defaults_are_the_recipe_of_2017(translator):
    config = tomllib.loads((translator / "config.toml").read_text())
    training = config["training"]
    assert (config["task"], len(config["corpus"])) == ("translation", 2)
    assert (training["schedule"], training["label_smoothing"]) == ("inverse_sqrt", 0.1)
    assert (training["beta1"], training["beta2"], training["eps"]) == (0.9, 0.98, 1e-9)
    assert training["weight_decay"] == 0
    assert not {"vocab_size", "padding_id"} & set(config["model"])


def test_what_is_written_can_be_run_again(scratchgpt, translator, tmp_path):
    again = tmp_path / "again"
    outcome = scratchgpt("train", "--config", translator / "config.toml", "--out", again)
    assert outcome.status == 0, outcome.stderr
    one, other = (load_pretrained(out / "average").store.values for out in (translator, again))
    np.testing.assert_array_equal(one, other)


def test_a_resumed_run_equals_an_uninterrupted_one(scratchgpt, small, tmp_path):
    run = (*small, "--warmup-steps", 3, "--average", 2)
    for out, parts in (("whole", (7,)), ("parts", (3, 7))):
        for i, steps in enumerate(parts):
            resume = ("--resume",) if i else ()
            outcome = scratchgpt(*run, "--steps", steps, "--out", tmp_path / out, *resume)
            assert outcome.status == 0, outcome.stderr
    for which in ("last", "average"):
        whole, parts = (load_pretrained(tmp_path / out / which) for out in ("whole", "parts"))
        np.testing.assert_array_equal(whole.store.values, parts.store.values)


def test_samples_show_a_sentence_its_translation_and_the_right_one(scratchgpt, small, tmp_path):
    outcome = scratchgpt(*small, "--steps", 4, "--sample-interval", 2, "--out", tmp_path / "run")
    assert outcome.stderr.count("--- sample at step") == 2
    assert outcome.stderr.count("\nreference    ") == 2
    assert outcome.stdout.startswith("source       ")
    assert "to translate: scratchgpt translate --model" in outcome.stderr


def test_a_model_learns_to_translate(scratchgpt, trained_translator, translator):
    outcome = scratchgpt("translate", "--model", trained_translator, "Dora hört Emil nicht.")
    assert outcome.stdout == "Dora never hears Emil.\n"
    after, before = (
        json.loads(scratchgpt("eval", "--model", run, "--json").stdout)
        for run in (trained_translator, translator)
    )
    assert after["bleu"] > 60 > 20 > before["bleu"]
    assert after["chrf"] > 60
    assert after["loss"] < 0.5 * before["loss"]


def test_texts_come_from_arguments_a_file_or_standard_input(
    scratchgpt, translator, tmp_path, monkeypatch
):
    texts = ["Anna sieht Bert nicht.", "Emil ruft Dora nicht."]
    (tmp_path / "texts").write_text("\n".join(texts) + "\n", encoding="utf-8")
    expected = scratchgpt("translate", "-m", translator, *texts)
    assert len(expected.stdout.splitlines()) == 2
    assert "2 texts in" in expected.stderr
    from_file = scratchgpt("translate", "-m", translator, "--file", tmp_path / "texts")
    assert from_file.stdout == expected.stdout
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(texts).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert scratchgpt("translate", "-m", translator).stdout == expected.stdout


def test_a_long_file_is_translated_in_chunks(scratchgpt, translator, tmp_path, monkeypatch):
    monkeypatch.setattr("scratchgpt.cli.translate.LINES_AT_A_TIME", 2)
    texts = [source for source, _ in PAIRS[:5]]
    outcome = scratchgpt("translate", "-m", translator, *texts)
    assert len(outcome.stdout.splitlines()) == 5
    assert outcome.stderr.startswith("2 of 5\n4 of 5\n")


def test_the_n_best_come_with_their_scores_the_best_first(scratchgpt, translator):
    run = ("translate", "-m", translator, "--nbest", 5, "Anna sieht Bert nicht.")
    lines = [line.split("\t") for line in scratchgpt(*run).stdout.splitlines()]
    scores = [float(score) for score, _ in lines]
    assert len(lines) == 5
    assert scores == sorted(scores, reverse=True)
    record = json.loads(scratchgpt(*run, "--json").stdout)
    assert record["source"] == "Anna sieht Bert nicht."
    assert [h["text"] for h in record["hypotheses"]] == [text for _, text in lines]
    assert record["translation"] == lines[0][1]
    assert record["score"] == pytest.approx(scores[0], abs=1e-4)


def test_beams_and_length_penalty_are_those_of_the_search(scratchgpt, translator):
    def translation(*options):
        run = ("translate", "-m", translator, "Anna sieht Bert nicht.", "--json", *options)
        return json.loads(scratchgpt(*run).stdout)["hypotheses"][0]

    plain = translation("--alpha", 0)
    assert plain["score"] == pytest.approx(plain["log_probability"])
    penalized = translation("--alpha", 1, "--beams", 2)
    n = len(penalized["tokens"]) + (penalized["finish_reason"] == "end_of_text")
    assert penalized["score"] == pytest.approx(penalized["log_probability"] * 6 / (5 + n))


def test_attention_is_drawn_with_the_words_on_both_axes(
    scratchgpt, trained_translator, tmp_path, monkeypatch
):
    figure = pytest.importorskip("matplotlib.figure")
    seen = []
    original = figure.Figure.savefig

    def savefig(self, *arguments, **options):
        seen.append(self)
        original(self, *arguments, **options)

    monkeypatch.setattr(figure.Figure, "savefig", savefig)
    picture = tmp_path / "attention.png"
    run = ("translate", "-m", trained_translator, "Anna sieht Bert nicht.", "--attention", picture)
    outcome = scratchgpt(*run)
    assert outcome.status == 0, outcome.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    axes = seen[0].axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["Anna", "sieht", "Bert", "nicht", ".", "⟨end⟩"]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["Anna", "never", "sees", "Bert", "."]
    weights = axes.get_images()[0].get_array()
    assert weights.shape == (5, 6)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def test_which_checkpoint_translates_can_be_chosen(scratchgpt, translator):
    run = ("translate", "-m", translator, "Anna sieht Bert nicht.", "--json")
    scores = {
        which: json.loads(scratchgpt(*run, *options).stdout)["score"]
        for which, options in {
            "default": (),
            **{which: ("--which", which) for which in ("average", "last")},
        }.items()
    }
    assert scores["default"] == scores["average"] != scores["last"]


def test_dates_are_trained_and_scored_by_exact_match(scratchgpt, tmp_path):
    out = tmp_path / "dates"
    run = ("train", "--task", "translation", "dates", *SMALL, "--steps", 3, "--out", out)
    outcome = scratchgpt(*run, "--eval-batches", 1, "--json")
    assert outcome.status == 0, outcome.stderr
    assert json.loads(outcome.stdout)["exact_match"] < 0.1
    record = json.loads(scratchgpt("eval", "--model", out, "--beams", 1, "--json").stdout)
    assert (record["task"], record["n_problems"]) == ("dates", 2000)
    assert "exact match" in scratchgpt("eval", "--model", out, "--beams", 1).stdout


def test_pairs_that_are_too_long_are_left_out_and_counted(scratchgpt, small, tmp_path):
    outcome = scratchgpt(*small, "--block-size", 8, "--steps", 1, "--out", tmp_path / "run")
    assert outcome.status == 0, outcome.stderr
    assert "that are longer than block_size=8 (the first is line" in outcome.stderr
    assert "mine.de)" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no sentence pairs to train on; name two files"),
        (("multi30k:de-fr",), "there is no file for the language 'fr'"),
        (("multi31k",), "did you mean 'multi30k'"),
        (("absent.de", "absent.en"), "there is no file 'absent.de'"),
        (("dates", "--preset", "char"), "char"),
        (("dates", "--n-layer", 2), "unknown model setting 'n_layer'; did you mean"),
        (("dates", "--schedule", "inverse"), "did you mean 'inverse_sqrt'"),
        (("dates", "--label-smoothing", 1), "label_smoothing=1.0 must be less than 1"),
        (("dates", "--tokens-per-batch", 9), "tokens_per_batch=9 is too small"),
    ],
)
def test_bad_input_to_training_is_one_line_with_the_way_out(refused, tmp_path, arguments, message):
    out = ("--out", tmp_path / "run")
    assert message in refused("train", "--task", "translation", *arguments, *out)


def test_files_of_different_lengths_are_refused_with_the_line(refused, two_files, tmp_path):
    source, target = two_files
    source.write_text(source.read_text(encoding="utf-8") + "Noch eine.\n", encoding="utf-8")
    run = ("train", "--task", "translation", source, target, "--out", tmp_path / "run")
    assert f"line {len(PAIRS) + 1} of {source} is the first without a partner" in refused(*run)


def test_a_tokenizer_without_padding_is_refused(refused, two_files, tmp_path):
    run = ("train", "--task", "translation", *two_files, "--out", tmp_path / "run")
    assert "has no padding or no end-of-text token" in refused(*run, "--tokenizer", "bytes")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Anna", ""), "text 2 is empty; there is nothing to translate"),
        (("  ",), "text 1 is empty"),
        (
            ("Anna sieht " * 50,),
            "tokens including the end of text, more than the model's block_size of 64",
        ),
        (("Anna", "--beams", 0), "--beams"),
        (("Anna", "--alpha", -1), "--alpha"),
        (("Anna", "Bert", "--attention", "a.png"), "the attention of one text, but there are 2"),
        (("Anna", "--file", "texts"), "leave out one"),
        (("--file", "absent"), "cannot read absent"),
    ],
)
def test_bad_input_to_translate_is_one_line(refused, translator, arguments, message):
    assert message in refused("translate", "--model", translator, *arguments)


def test_without_a_translation_there_is_no_attention_to_draw(
    scratchgpt, translator, tmp_path, monkeypatch
):
    nothing = np.array([], np.int64)
    empty = Translation("", 0.0, 0.0, "end_of_text", source_tokens=nothing, tokens=nothing)
    monkeypatch.setattr("scratchgpt.generation.translate_n_best", lambda *_, **options: [[empty]])
    run = ("translate", "-m", translator, "Anna", "--attention", tmp_path / "a.png")
    outcome = scratchgpt(*run)
    assert outcome.status == 2
    assert "the translation is empty" in outcome.stderr
    assert not (tmp_path / "a.png").exists()


BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\t"


@pytest.mark.parametrize("n_best", [1, 3])
def test_each_translation_is_one_line_whatever_it_contains(
    scratchgpt, translator, tmp_path, monkeypatch, n_best
):
    texts = [f"a{mark}b" for mark in BREAKS] + ["a b"]
    nothing = np.array([], np.int64)

    def broken(model, tokenizer, sources, *, n_best, **options):
        rest = {"source_tokens": nothing, "tokens": nothing}
        return [[Translation(text, -1.0, -1.0, "length", **rest)] * n_best for text in texts]

    monkeypatch.setattr("scratchgpt.generation.translate_n_best", broken)
    (tmp_path / "texts").write_text("Anna\n" * len(texts))
    run = ("translate", "-m", translator, "--file", tmp_path / "texts", "--nbest", n_best)
    outcome = scratchgpt(*run)
    line = "a b" if n_best == 1 else "-1.0000\ta b"
    assert outcome.stdout.splitlines() == [line] * len(texts) * n_best
    n_broken = len(BREAKS) * n_best
    assert f"{n_broken} translations printed with spaces for tabs and line" in outcome.stderr
    records = [json.loads(each) for each in scratchgpt(*run, "--json").stdout.splitlines()]
    assert [record["translation"] for record in records] == texts


def test_an_empty_line_is_named_before_anything_is_translated(refused, translator, tmp_path):
    path = tmp_path / "texts {0"  # a file may have any name
    path.write_text("Anna\n\nBert\n")
    error = refused("translate", "-m", translator, "-f", path)
    assert f"line 2 of {path} is empty" in error


def test_each_verb_names_the_one_for_the_other_kind_of_model(refused, translator, trained):
    assert "use scratchgpt translate" in refused("generate", "--model", translator)
    assert "use scratchgpt generate" in refused("translate", "--model", trained, "Anna")


def test_without_sacrebleu_eval_says_what_to_install(refused, translator, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    assert "scratchgpt-numpy[translation]" in refused("eval", "--model", translator)


def test_eval_takes_other_pairs(scratchgpt, translator, tmp_path):
    (tmp_path / "other.tsv").write_text("Anna sieht Bert nicht.\tAnna never sees Bert.\n")
    run = ("eval", "--model", translator, tmp_path / "other.tsv")
    record = json.loads(scratchgpt(*run, "--json").stdout)
    assert record["n_pairs"] == 1
    assert record["examples"][0]["reference"] == "Anna never sees Bert."
    outcome = scratchgpt(*run)
    assert outcome.stdout.startswith("BLEU ")
    assert "case:mixed" in outcome.stdout


def test_pairs_that_do_not_fit_are_counted_and_named_by_eval(
    scratchgpt, refused, translator, tmp_path
):
    rows = [("Anna sieht Bert nicht.", "Anna never sees Bert.")] * 5
    rows[1] = ("Anna " * 80, "Anna")
    rows[3] = ("Anna", "Anna " * 80)
    path = tmp_path / "long.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in rows), encoding="utf-8")
    record = json.loads(scratchgpt("eval", "-m", translator, path, "--json").stdout)
    assert record["n_pairs"] == 4
    sources, references = record["notes"]
    assert sources.startswith("1 pair left out of all scores: the source is longer than block_size")
    assert references.startswith("1 pair left out of the loss only: the reference is longer")
    assert f"line 2 of {path}" in sources
    assert f"line 4 of {path}" in references
    table = scratchgpt("eval", "-m", translator, path).stdout
    assert f"note           {sources}" in table.splitlines()
    path.write_text("{}\t{}\n".format(*rows[1]), encoding="utf-8")
    assert f"the first is line 1 of {path}" in refused("eval", "-m", translator, path)
    path.write_text("{}\t{}\n".format(*rows[3]), encoding="utf-8")
    assert json.loads(scratchgpt("eval", "-m", translator, path, "--json").stdout)["loss"] is None
