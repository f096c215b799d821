"""Import, export, quantize and fine-tune models of other programs."""

import json

import numpy as np
import pytest

from scratchgpt.models import (
    GPT,
    GPTConfig,
    QuantizedGPT,
    load_pretrained,
    load_quantized,
    save_pretrained,
    write_llmc,
    write_state_dict,
)
from scratchgpt.text import load_tokenizer, train_bpe
from scratchgpt.training.freezing import frozen_names

TOKENIZER = train_bpe(["the quick brown fox jumps over the lazy dog\n" * 20], 290)
SIZES = {
    **{"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 32},
    "vocab_size": TOKENIZER.vocab_size,
}


def gpt(**changes):
    return GPT(GPTConfig(**{**SIZES, **changes}), seed=6)


@pytest.fixture
def theirs(tmp_path):
    """A GPT-2 with its tokenizer, as transformers saves it."""
    save_pretrained(gpt(dropout=0.1), tmp_path / "theirs")
    TOKENIZER.save(tmp_path / "theirs" / "tokenizer.json")
    return tmp_path / "theirs"


def same(one, other):
    np.testing.assert_array_equal(one.store.values, other.store.values)


def test_a_folder_is_imported_with_its_tokenizer_and_generates(scratchgpt, theirs, tmp_path):
    out = tmp_path / "mine"
    outcome = scratchgpt("import", theirs, "--out", out, "--json")
    assert outcome.status == 0, outcome.stderr
    record = json.loads(outcome.stdout)
    assert record["format"] == "huggingface"
    assert record["n_parameters"] == gpt().store.size
    assert record["config"]["dropout"] == 0.1
    same(load_pretrained(out), gpt())
    assert load_tokenizer(out).fingerprint == TOKENIZER.fingerprint
    written = [
        scratchgpt("generate", "--model", path, "--prompt", "the", "--temperature", 0, "--json")
        for path in (theirs, out)
    ]
    assert written[0].stdout == written[1].stdout != ""


def test_vocab_and_merges_are_enough(scratchgpt, theirs, tmp_path):
    from tokenizers import Tokenizer

    library = Tokenizer.from_str((theirs / "tokenizer.json").read_text(encoding="utf-8"))
    (theirs / "tokenizer.json").unlink()
    library.model.save(str(theirs))
    assert scratchgpt("import", theirs, "--out", tmp_path / "mine").status == 0
    text = "the fox — jumps"
    expected = TOKENIZER.encode(text)
    np.testing.assert_array_equal(load_tokenizer(tmp_path / "mine").encode(text), expected)
    assert scratchgpt("generate", "-m", theirs, "-p", "the", "--max-new-tokens", 3).status == 0


def test_other_formats_are_imported(scratchgpt, theirs, tmp_path):
    exact = gpt(activation="gelu")
    write_llmc(gpt(), tmp_path / "a.bin")
    write_state_dict(exact, tmp_path / "nano.safetensors", "nanogpt")
    write_state_dict(gpt(tied_head=False), tmp_path / "min.safetensors", "mingpt")
    for i, (source, model, options) in enumerate(
        [
            ("a.bin", gpt(), ()),
            ("nano.safetensors", exact, ("--format", "nanogpt", "--n-head", 2)),
            ("min.safetensors", gpt(tied_head=False), ("--format", "mingpt", "--dropout", 0.2)),
        ]
    ):
        out = tmp_path / f"mine {i}"
        with_tokenizer = (*options, "--tokenizer", theirs)
        outcome = scratchgpt("import", tmp_path / source, "--out", out, *with_tokenizer)
        assert outcome.status == 0, outcome.stderr
        same(load_pretrained(out), model)
        assert load_tokenizer(out).fingerprint == TOKENIZER.fingerprint
    assert load_pretrained(out).config.dropout == 0.2


def test_a_model_without_a_tokenizer_is_imported_with_a_note(scratchgpt, tmp_path):
    write_llmc(gpt(), tmp_path / "a.bin")
    outcome = scratchgpt("import", tmp_path / "a.bin", "--out", tmp_path / "mine")
    assert outcome.status == 0
    assert f"no tokenizer in {tmp_path / 'a.bin'}; import with --tokenizer" in outcome.stderr
    assert not (tmp_path / "mine" / "tokenizer.json").exists()


def test_a_failed_import_writes_nothing(refused, theirs, tmp_path):
    out = tmp_path / "mine"
    nano = tmp_path / "nano.safetensors"
    write_state_dict(gpt(activation="gelu"), nano, "nanogpt")
    assert "--format nanogpt or --format mingpt" in refused("import", nano, "--out", out)
    error = refused("import", theirs, "--n-head", 2, "--out", out)
    assert "--n-head 2 applies only to nanogpt" in error
    assert "there is no folder" in refused("import", tmp_path / "nowhere", "--out", out)
    assert f"{theirs} already contains a model" in refused("import", theirs, "--out", theirs)
    train_bpe(["other text"], 270).save(tmp_path / "other.json")
    other = tmp_path / "other.json"
    assert "do not belong together" in refused("import", theirs, "--tokenizer", other, "--out", out)
    (theirs / "model.safetensors").write_bytes(b"")
    assert "is damaged" in refused("import", theirs, "--out", out)
    assert not out.exists()


@pytest.mark.parametrize("shard", [(), ("--shard-size", 1)])
def test_an_exported_run_loads_in_transformers(
    scratchgpt, transformers, torch, theirs, tmp_path, shard, assert_close
):
    out = tmp_path / "out"
    assert scratchgpt("export", theirs, "--out", out, *shard).status == 0
    model, info = transformers.AutoModelForCausalLM.from_pretrained(out, output_loading_info=True)
    assert not any(info.values()), info
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    text = "the quick—brown fox"
    ids = tokenizer(text)["input_ids"]
    np.testing.assert_array_equal(ids, TOKENIZER.encode(text))
    assert tokenizer.decode(ids) == text
    assert tokenizer.eos_token_id == model.generation_config.eos_token_id == TOKENIZER.end_of_text
    logits = model.eval()(torch.tensor([ids])).logits.detach().numpy()
    assert_close(logits, gpt().forward(np.array([ids]))[0], 1e-5)


def test_an_exported_model_can_be_imported_again(scratchgpt, theirs, tmp_path):
    for name, options in (("a.bin", ("llm.c",)), ("folder", ("huggingface",))):
        out, back = tmp_path / name, tmp_path / f"back from {name}"
        outcome = scratchgpt("export", theirs, "--out", out, "--format", *options, "--json")
        assert json.loads(outcome.stdout)["format"] == options[0]
        assert scratchgpt("import", out, "--out", back).status == 0
        same(load_pretrained(back), gpt())


def test_a_model_that_others_would_compute_differently_is_not_exported(
    refused, trained, theirs, tmp_path
):
    out = tmp_path / "out"
    other = tmp_path / "other"
    save_pretrained(gpt(norm_position="post", activation="gelu", bias=False), other)
    error = refused("export", other, "--out", out)
    assert "the model has activation='gelu', which transformers does not support" in error
    for name in ("nanogpt", "llm.c"):
        assert f"{name} supports only" in refused("export", other, "--out", out, "--format", name)
    # nanoGPT computes the exact GELU.
    command = ("export", trained, "--out", out, "--format", "nanogpt")
    assert "nanogpt supports only activation='gelu'" in refused(*command)
    shards = ("--format", "llm.c", "--shard-size", 3)
    error = refused("export", theirs, "--out", out, *shards)
    assert "--shard-size 3 does not apply to --format llm.c" in error
    assert not out.exists()


@pytest.mark.parametrize("target", ["huggingface", "mingpt", "llm.c"])
def test_the_default_model_without_biases_is_exported_and_computes_the_same(
    scratchgpt, trained, tmp_path, assert_close, target
):
    out, back = tmp_path / "for transformers", tmp_path / "back"
    outcome = scratchgpt("export", trained, "--out", out, "--format", target)
    assert outcome.status == 0, outcome.stderr
    options = ("--format", target) if target != "huggingface" else ()
    assert scratchgpt("import", out, *options, "--out", back).status == 0
    before, after = load_pretrained(trained), load_pretrained(back)
    assert not before.config.bias
    assert after.config.replace(tied_head=True) == before.config.replace(bias=True)
    tokens = np.arange(before.config.vocab_size)[None, :16]
    assert_close(after.forward(tokens)[0], before.forward(tokens)[0], 1e-5)


def test_a_quantized_model_generates_the_same_from_python(scratchgpt, theirs, tmp_path):
    out = tmp_path / "small"
    record = json.loads(scratchgpt("quantize", theirs, "--out", out, "--json").stdout)
    small = QuantizedGPT(gpt())
    assert record["bytes"] == small.nbytes < record["bytes_before"]
    np.testing.assert_array_equal(load_quantized(out).weights, small.weights)
    options = ("--prompt", "the", "--temperature", 0, "--max-new-tokens", 9, "--json")
    written = json.loads(scratchgpt("generate", "--model", out, *options).stdout)

    from scratchgpt.generation import SamplingConfig, generate_text

    [expected] = generate_text(
        small, TOKENIZER, ["the"], max_new_tokens=9, sampling=SamplingConfig(temperature=0)
    )
    assert written["tokens"] == expected.tokens.tolist()


def test_a_quantized_model_is_evaluated_and_described(scratchgpt, theirs, text_file, tmp_path):
    out = tmp_path / "small"
    assert scratchgpt("quantize", theirs, "--out", out).status == 0
    whole, small = (
        json.loads(scratchgpt("eval", "-m", path, text_file, "--json").stdout)["loss"]
        for path in (theirs, out)
    )
    assert whole != small
    assert abs(whole - small) < 0.02
    record = json.loads(scratchgpt("info", out, "--json").stdout)
    assert record["config"]["n_embd"] == 8
    assert record["parameter_bytes"] == QuantizedGPT(gpt()).nbytes
    assert not any("training" in name or "optimizer" in name for name in record)
    shown = scratchgpt("info", out).stdout
    assert "in 8-bit weights, only for generation" in shown
    assert "training" not in shown


def test_a_quantized_model_is_not_quantized_again(refused, scratchgpt, theirs, tmp_path):
    out = tmp_path / "small"
    assert scratchgpt("quantize", theirs, "--out", out).status == 0
    assert "is quantized" in refused("quantize", out, "--out", tmp_path / "smaller")
    assert f"{out} already contains a model" in refused("quantize", theirs, "--out", out)


def train(scratchgpt, *options):
    return scratchgpt("train", *options, "--batch-size", 2, "--log-interval", 1)


def test_fine_tuning_changes_all_parameters_except_the_frozen(
    scratchgpt, theirs, text_file, tmp_path
):
    out = tmp_path / "run"
    options = ("--init", theirs, "--freeze", "wte, h.0.attn", "--steps", 3, "--weight-decay", 0.5)
    outcome = train(scratchgpt, text_file, *options, "--out", out)
    assert outcome.status == 0, outcome.stderr
    before, after = gpt(), load_pretrained(out / "last")
    assert after.config == before.config.replace(dropout=0.1)
    assert load_tokenizer(out / "last").fingerprint == TOKENIZER.fingerprint
    frozen = frozen_names(before.store.named, "wte,h.0.attn")
    assert "transformer.h.0.attn.c_proj.bias" in frozen
    for name, parameter in after.store.named.items():
        unchanged = np.array_equal(parameter.value, before.store.named[name].value)
        assert unchanged == (name in frozen), name


def test_a_resumed_fine_tuning_run_equals_an_uninterrupted_one(
    scratchgpt, theirs, text_file, tmp_path
):
    options = ("--init", theirs, "--block-size", 12, "--freeze", "wpe", "--dropout", 0.2)
    options = (text_file, *options, "--checkpoint-interval", 2, "--schedule", "constant")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(scratchgpt, *options, "--steps", 4, "--out", whole).status == 0
    assert train(scratchgpt, *options, "--steps", 2, "--out", parts).status == 0
    outcome = scratchgpt("train", "--out", parts, "--resume", "--steps", 4)
    assert outcome.status == 0, outcome.stderr
    one, other = (load_pretrained(path / "last") for path in (whole, parts))
    assert (one.config.block_size, one.config.dropout) == (12, 0.2)
    same(one, other)
    wpe = gpt().transformer.wpe.weight.value
    np.testing.assert_array_equal(one.transformer.wpe.weight.value, wpe[:12])


def test_a_run_resumes_without_the_model_that_it_started_from(
    scratchgpt, theirs, text_file, tmp_path
):
    out = tmp_path / "run"
    assert train(scratchgpt, text_file, "--init", theirs, "--steps", 2, "--out", out).status == 0
    before = (out / "config.toml").read_text(encoding="utf-8")
    theirs.rename(tmp_path / "elsewhere")
    outcome = scratchgpt("train", "--out", out, "--resume", "--steps", 4)
    assert outcome.status == 0, outcome.stderr
    resumed = (out / "config.toml").read_text(encoding="utf-8")
    assert resumed == before.replace("steps = 2", "steps = 4")
    assert scratchgpt("eval", "--model", out).status == 0


@pytest.mark.parametrize("n_rows", [296, 320, 1000])  # for 290 tokens
def test_a_model_with_padding_rows_is_imported_fine_tuned_and_exported(
    scratchgpt, theirs, text_file, tmp_path, n_rows
):
    padded, out, run = tmp_path / "padded", tmp_path / "mine", tmp_path / "run"
    save_pretrained(gpt(vocab_size=n_rows), padded)
    TOKENIZER.save(padded / "tokenizer.json")
    assert scratchgpt("import", padded, "--out", out).status == 0
    assert load_pretrained(out).config.vocab_size == n_rows
    assert train(scratchgpt, text_file, "--init", out, "--steps", 2, "--out", run).status == 0
    assert load_pretrained(run / "last").config.vocab_size == n_rows
    outcome = scratchgpt("generate", "-m", run, "-p", "the", "--max-new-tokens", 200, "--json")
    tokens = json.loads(outcome.stdout)["tokens"]
    assert max(tokens) < TOKENIZER.vocab_size
    outcome = scratchgpt("export", run, "--out", tmp_path / "theirs-again")
    assert outcome.status == 0, outcome.stderr
    assert load_pretrained(tmp_path / "theirs-again").config.vocab_size == n_rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--n-layer", 3), "n_layer=3 does not fit the model in"),
        (("--block-size", 33), "block_size=33 does not fit"),
        (("--preset", "gpt-nano"), "preset='gpt-nano' does not apply with init="),
        (("--tokenizer", "bytes"), "the tokenizer has 256 tokens but the model"),
        (("--freeze", "h.7"), "freeze='h.7' matches no parameter"),
        (("--freeze", "*"), "leaves nothing to train"),
    ],
)
def test_settings_that_do_not_fit_the_model_are_refused(
    refused, theirs, text_file, tmp_path, options, message
):
    out = tmp_path / "run"
    command = ("train", text_file, "--init", theirs, "--steps", 1, "--out", out)
    assert message in refused(*command, *options)


def test_a_missing_initial_model_is_refused(refused, text_file, tmp_path):
    out = tmp_path / "run"
    error = refused("train", text_file, "--init", tmp_path / "nowhere", "--out", out)
    assert "there is no model or run in" in error


def test_weights_that_are_not_finite_are_reported_in_one_line(theirs, monkeypatch):
    """Run in a separate process, in which warnings are not errors."""
    import subprocess
    import sys

    model = gpt()
    model.transformer.ln_f.bias.value[3] = np.nan
    save_pretrained(model, theirs)
    command = (sys.executable, "-m", "scratchgpt", "export", theirs, "--out", theirs / "b")
    outcome = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert outcome.returncode == 0
    [line] = outcome.stderr.splitlines()
    assert line.startswith("warning: ")
    assert line.endswith("transformer.ln_f.bias has values that are not finite")


@pytest.mark.parametrize("name", ["model.safetensors", "model.bin"])
def test_a_file_that_is_not_there_is_said_to_be_missing(refused, tmp_path, name):
    error = refused("import", tmp_path / name, "--out", tmp_path / "out")
    assert f"there is no file {tmp_path / name}" in error
