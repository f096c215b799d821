import io
import json
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from scratchgpt.models import load_pretrained


def metrics(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_model_configuration_metrics_and_curves(trained):
    assert load_pretrained(trained / "last").config.n_embd == 8
    assert load_pretrained(trained / "best").config.block_size == 16
    assert (trained / "best" / "tokenizer.json").exists()
    config = tomllib.loads((trained / "config.toml").read_text())
    assert config["training"]["steps"] == 6
    assert config["model"]["n_layer"] == 1
    assert [m["step"] for m in metrics(trained)] == [0, 1, 2, 3, 4, 5, 6]
    assert (trained / "loss.png").stat().st_size > 10_000


def test_the_result_is_text_or_one_json_object(scratchgpt, text_file, tiny, tmp_path):
    run = ("train", text_file, *tiny, "--steps", 2)
    outcome = scratchgpt(*run, "--out", tmp_path / "a")
    assert len(outcome.stdout) > 100
    assert "scratchgpt generate --model" in outcome.stderr
    record = json.loads(scratchgpt(*run, "--out", tmp_path / "b", "--json").stdout)
    assert record["step"] == 2
    assert record["sample"] == outcome.stdout.removesuffix("\n")
    assert record["best_val_loss"] > 0


def test_samples_come_at_intervals(scratchgpt, text_file, tiny, tmp_path):
    outcome = scratchgpt(
        "train", text_file, *tiny, "--steps", 4, "--sample-interval", 2, "--out", tmp_path / "run"
    )
    assert outcome.stderr.count("--- sample at step") == 2


def test_resuming_with_more_steps_continues_the_run(scratchgpt, trained):
    outcome = scratchgpt("train", "--out", trained, "--resume", "--steps", 9)
    assert outcome.status == 0, outcome.stderr
    assert [m["step"] for m in metrics(trained)] == list(range(10))


def test_resuming_with_constant_rate_equals_an_uninterrupted_run(
    scratchgpt, text_file, tiny, tmp_path
):
    config = tmp_path / "run.toml"
    config.write_text("[model]\ndropout = 0.2\n[training]\nschedule = 'constant'\n")
    run = ("train", text_file, "--config", config, *tiny, "--warmup-steps", 2)
    scratchgpt(*run, "--steps", 7, "--out", tmp_path / "whole")
    scratchgpt(*run, "--steps", 3, "--out", tmp_path / "parts")
    scratchgpt("train", "--resume", "--steps", 7, "--out", tmp_path / "parts")
    whole, parts = (load_pretrained(tmp_path / name / "last") for name in ("whole", "parts"))
    assert np.array_equal(whole.store.values, parts.store.values)


def test_a_task_is_trained_and_scored(scratchgpt, tmp_path):
    out = tmp_path / "sort"
    options = ("--n-layer", 1, "--n-head", 2, "--n-embd", 16, "--steps", 30, "--batch-size", 16)
    outcome = scratchgpt("train", "--task", "sort:5:3", *options, "--out", out)
    assert outcome.status == 0, outcome.stderr
    assert "exact match" in outcome.stderr
    assert load_pretrained(out / "last").config.block_size == 11


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is nothing to train on"),
        (("python-doc",), "did you mean 'python-docs'"),
        (("python-docs", "--tokenizer", "bpe:12"), "too small"),
        (("python-docs", "--tokenizer", "letters"), "tokenizer"),
        (("--task", "additon"), "did you mean 'addition'"),
        (("--task", "addition", "--block-size", 4), "block_size=4 is too short for the task"),
        (("--resume",), "there is no run to resume"),
        (("python-docs", "--n-embd", 100, "--n-head", 12), "choose a multiple of 12"),
        (("python-docs", "--lr", -1), "lr=-1"),
    ],
)
def test_bad_input_is_one_line_with_the_way_out(refused, tmp_path, arguments, message):
    assert message in refused("train", *arguments, "--out", tmp_path / "run")


def test_an_empty_corpus_is_refused(refused, tmp_path):
    (tmp_path / "empty.txt").touch()
    assert "empty" in refused("train", tmp_path / "empty.txt", "--out", tmp_path / "run")


def test_a_corpus_shorter_than_a_block_is_refused(refused, tmp_path):
    (tmp_path / "short.txt").write_text("too short")
    error = refused("train", tmp_path / "short.txt", "--out", tmp_path / "run")
    assert "block_size=64" in error


def test_text_that_is_not_utf8_is_refused_with_the_byte(refused, tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 au lait" * 100)
    error = refused("train", tmp_path / "latin.txt", "--out", tmp_path / "run")
    assert "0xe9 at offset 3" in error


def test_a_folder_that_holds_a_run_is_not_overwritten(refused, trained, text_file, tiny):
    before = (trained / "last" / "model.safetensors").read_bytes()
    assert "add --resume" in refused("train", text_file, *tiny, "--out", trained)
    assert (trained / "last" / "model.safetensors").read_bytes() == before


def test_resuming_another_model_or_other_text_is_refused(refused, trained, tmp_path):
    assert "n_layer=1, not 2" in refused("train", "--out", trained, "--resume", "--n-layer", 2)
    (tmp_path / "other.txt").write_text("some other text, in which other things happen\n" * 50)
    error = refused("train", tmp_path / "other.txt", "--out", trained, "--resume")
    assert "started with another tokenizer" in error
    assert tomllib.loads((trained / "config.toml").read_text())["model"]["n_layer"] == 1


def test_a_truncated_checkpoint_is_refused(refused, trained):
    weights = trained / "last" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "damaged" in refused("train", "--out", trained, "--resume", "--steps", 9)


def test_a_run_on_standard_input_resumes_without_it(
    scratchgpt, text_file, tiny, tmp_path, monkeypatch
):
    out = tmp_path / "a run"
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text_file.read_bytes())))
        outcome = scratchgpt("train", "-", *tiny, "--steps", 3, "--out", out)
    assert outcome.status == 0, outcome.stderr
    assert f"generate --model '{out}'" in outcome.stderr  # can be copied to a shell
    monkeypatch.setattr(sys, "stdin", None)
    assert scratchgpt("train", "--out", out, "--resume", "--steps", 5).status == 0
    assert scratchgpt("eval", "--model", out).status == 0


def test_a_prepared_corpus_is_trained_and_evaluated_on(
    scratchgpt, refused, text_file, tiny, tmp_path
):
    folder, out = tmp_path / "prepared", tmp_path / "run"
    scratchgpt("data", "prepare", text_file, "--tokenizer", "bpe:260", "--out", folder)
    outcome = scratchgpt("train", folder, *tiny, "--steps", 3, "--out", out)
    assert outcome.status == 0, outcome.stderr
    assert load_pretrained(out / "last").config.vocab_size == 260
    assert scratchgpt("train", "--out", out, "--resume", "--steps", 4).status == 0
    own, whole = (
        json.loads(scratchgpt("eval", "--model", out, *words, "--json").stdout)
        for words in ((), (folder,))
    )
    assert own["n_tokens"] < whole["n_tokens"]
    text = json.loads(scratchgpt("eval", "--model", out, text_file, "--json").stdout)
    assert text["loss"] == whole["loss"]
    error = refused("train", folder, "--tokenizer", "characters", *tiny, "--out", tmp_path / "b")
    assert "was prepared with its own tokenizer (bpe, 260 tokens)" in error


def test_samples_and_scores_that_fail_do_not_fail_the_run(
    scratchgpt, text_file, tiny, tmp_path, monkeypatch
):
    def fail(*arguments):
        raise ZeroDivisionError

    for name in ("sample", "evaluate"):
        monkeypatch.setattr(f"scratchgpt.recipes.language.TextData.{name}", fail)
    options = (*tiny, "--steps", 2, "--sample-interval", 1, "--json")
    with pytest.warns(UserWarning, match=r"failed: ZeroDivisionError\(\)") as caught:
        outcome = scratchgpt("train", text_file, *options, "--out", tmp_path / "run")
    assert outcome.status == 0
    assert json.loads(outcome.stdout)["step"] == 2
    failed = {str(warning.message).split(" failed")[0] for warning in caught}
    assert failed == {"the sample", "the evaluation"}


def test_a_run_that_asks_for_more_than_its_checkpoint_is_refused_at_once(
    refused, trained, monkeypatch
):
    """Such a run is from a stranger; no model is created."""
    monkeypatch.setattr("scratchgpt.models.GPT.__init__", None)
    settings = (trained / "config.toml").read_text()
    (trained / "config.toml").write_text(settings.replace("n_layer = 1", "n_layer = 20_000_000"))
    error = refused("train", "--out", trained, "--resume", "--steps", 9)
    assert "was started with model setting n_layer=1, not 20000000" in error
    config = trained / "last" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "n_layer": 20_000_000}))
    error = refused("train", "--out", trained, "--resume", "--steps", 9)
    assert "n_layer=20000000 is more than the 10,000 layers" in error


def test_the_printed_command_names_a_folder_of_any_name_as_one_word(
    scratchgpt, text_file, tiny, tmp_path
):
    out = tmp_path / "a; exit 3 $(exit 4) $x^{$ \x1b[2J\n'"
    outcome = scratchgpt("train", text_file, *tiny, "--steps", 1, "--out", out)
    assert outcome.status == 0
    assert outcome.stderr.replace("\n", "").isprintable()
    [line] = [line for line in outcome.stderr.splitlines() if line.startswith("to generate text: ")]
    command = line.split("--model ")[1].split("; curves in ")[0]
    assert subprocess.check_output(["bash", "-c", f"printf %s {command}"], text=True) == str(out)
    assert (out / "loss.png").exists()


def test_muon_says_which_parameters_go_where(scratchgpt, text_file, tiny, tmp_path):
    out = tmp_path / "run"
    muon = ("--optimizer", "muon", "--muon-lr", 0.05, "--schedule", "wsd", "--decay-steps", 0.5)
    outcome = scratchgpt("train", text_file, *tiny, *muon, "--steps", 2, "--out", out)
    assert outcome.status == 0, outcome.stderr
    text = " ".join(outcome.stderr.split())
    assert "Muon updates 6 matrices (" in text
    assert "transformer.h.0.attn.c_attn.weight (3 matrices)" in text
    assert "AdamW updates" in text
    assert "transformer.wte.weight" in text.partition("AdamW updates")[2]
    training = tomllib.loads((out / "config.toml").read_text())["training"]
    assert (training["optimizer"], training["muon_lr"]) == ("muon", 0.05)
    resumed = scratchgpt("train", "--out", out, "--resume", "--steps", 4)
    assert resumed.status == 0, resumed.stderr
    assert [m["step"] for m in metrics(out)] == list(range(5))


def test_help_lists_the_options_of_muon(scratchgpt):
    text = " ".join(scratchgpt("train", "--help").stdout.split())
    for option in ("--optimizer", "--muon-lr", "--muon-momentum", "--muon-adjust-lr"):
        assert option in text
    assert "--decay-steps" in text
