import json

import pytest

from scratchgpt.cli.bench import _shape
from scratchgpt.measure import SHAPES
from scratchgpt.models import PRESETS, GPTConfig

FAST = ("--seconds", 0, "--steps", 1)


def test_a_run_of_your_own_is_measured(scratchgpt, trained):
    outcome = scratchgpt("bench", trained, "--batch", 3, "--block", 8, *FAST)
    assert outcome.status == 0, outcome.stderr
    assert "3 x 8 tokens in float32" in outcome.stdout
    assert "share of sgemm's" in outcome.stdout
    assert "share of memory's" in outcome.stdout
    assert "training steps ..." in outcome.stderr


def test_the_breakdown_names_the_operations_and_adds_up(scratchgpt, trained):
    stdout = scratchgpt("bench", trained, *FAST).stdout
    table = stdout.split("training step by operation")[1].splitlines()[2:]
    names = {line[2:20].strip() for line in table}
    assert {"linear", "attention", "layer_norm", "gelu", "cross_entropy", "AdamW"} <= names
    shares = [float(line.split()[-1].removesuffix("%")) for line in table]
    assert sum(shares) == pytest.approx(100, abs=0.05 * len(shares))


def test_json_has_what_the_text_has(scratchgpt, trained):
    outcome = scratchgpt("bench", trained, "--batch", 2, *FAST, "--json")
    record = json.loads(outcome.stdout)
    assert set(record) == {
        *(
            "shape",
            "config",
            "device",
            "batch",
            "block",
            "dtype",
            "precision",
            "kernels",
            "threads",
        ),
        *("step", "peak_bytes", "sgemm_gflop_per_s", "read_gb_per_s", "decode", "breakdown"),
    }
    assert record["shape"] == str(trained)
    assert (record["batch"], record["block"]) == (2, 16)
    assert record["step"]["n"] == 1
    parts = record["breakdown"]["parts"]
    assert sum(part["share"] for part in parts) == pytest.approx(1)
    assert sum(part["ms"] for part in parts) == pytest.approx(record["breakdown"]["step_ms"])


def test_products_can_be_taken_in_bfloat16(scratchgpt, trained):
    outcome = scratchgpt("bench", trained, *FAST, "--no-breakdown", "--precision", "bf16")
    assert "tokens in float32, products in bfloat16" in outcome.stdout
    refused = scratchgpt("bench", trained, *FAST, "--precision", "float16")
    assert refused.status == 2
    assert "precision='float16' is not one of float32, bf16, tf32" in refused.stderr


def test_the_breakdown_can_be_left_out(scratchgpt, trained):
    assert "by operation" not in scratchgpt("bench", trained, *FAST, "--no-breakdown").stdout
    record = json.loads(scratchgpt("bench", trained, *FAST, "--no-breakdown", "--json").stdout)
    assert record["breakdown"] is None


def test_a_shape_has_the_batch_size_of_the_published_figures():
    assert _shape("baby", None, None) == SHAPES["baby"]
    assert _shape("gpt2", None, None) == SHAPES["gpt2"]


def test_another_batch_size_does_not_change_the_model():
    shape = _shape("gpt2", 1, 1024)
    assert (shape.n_batch, shape.n_time) == (1, 1024)
    assert shape.config == SHAPES["gpt2"].config


def test_a_preset_has_one_row_as_long_as_its_context():
    shape = _shape("gpt-nano", None, None)
    assert (shape.n_batch, shape.n_time) == (1, 128)


@pytest.mark.parametrize("name", [name for name in SHAPES if name in PRESETS])
def test_a_shape_and_a_preset_of_one_name_can_both_be_measured(name):
    assert _shape(name, None, None) == SHAPES[name]
    preset = _shape(f"preset:{name}", None, None).config
    assert preset == GPTConfig.from_preset(name)
    shape = vars(SHAPES[name].config)
    differing = {field for field, value in vars(preset).items() if value != shape[field]}
    assert differing == ({"bias", "vocab_size"} if name == "char" else set())  # as --help says


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bay", "did you mean 'baby'?"),
        ("gpt2-medum", "did you mean 'gpt2-medium'?"),
        ("zzz", "choose char, baby, gpt2, a preset or a folder"),
    ],
)
def test_an_unknown_shape_is_refused_with_the_way_out(refused, name, message):
    error = refused("bench", name)
    assert repr(name) in error
    assert message in error


def test_a_folder_without_a_model_is_refused(refused, tmp_path):
    assert str(tmp_path) in refused("bench", tmp_path)


def test_a_block_beyond_the_context_is_refused(refused):
    assert "64 tokens" in refused("bench", "char", "--block", 65)


@pytest.mark.parametrize("option", ["--steps", "--batch", "--block", "--threads"])
def test_zero_is_refused(refused, option):
    assert option in refused("bench", "char", option, 0)
