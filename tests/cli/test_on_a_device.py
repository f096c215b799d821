"""``--device cuda`` of the verbs, with arrays that behave as CuPy's in the place of a GPU."""

import json

import pytest

from scratchgpt.measure import gpu
from scratchgpt.recipes import language


@pytest.fixture
def run(scratchgpt, text_file, tmp_path, monkeypatch):
    """``run("cuda", "name", ...)`` trains a tiny model, and returns the folder of the run."""

    monkeypatch.setattr(language, "SAMPLE_TOKENS", 2)

    def train(device, name, *more):
        out = tmp_path / name
        sizes = ["--preset", "gpt-nano", "--n-embd", 8, "--n-head", 2, "--block-size", 16]
        settings = ["--steps", 3, "--batch-size", 2, "--dropout", 0.1, "--eval-batches", 1]
        outcome = scratchgpt(
            "train", text_file, "--out", out, *sizes, *settings, "--device", device, *more
        )
        assert outcome.status == 0, outcome.stderr
        return out

    return train


def test_a_run_trains_there_generates_anywhere_and_resumes_on_the_cpu(run, scratchgpt, cuda):
    with cuda.counting() as traffic:
        there = run("cuda", "there")
    assert traffic.to_device > 6
    assert 'device = "cuda"' in (there / "config.toml").read_text(encoding="utf-8")

    options = ["--prompt", "fox ", "--max-new-tokens", 5, "--num-samples", 2]
    texts = [
        scratchgpt("generate", "-m", there, *options, "--device", device).stdout
        for device in ("cpu", "cuda")
    ]
    assert texts[0] == texts[1]

    outcome = scratchgpt("train", "--out", there, "--resume", "--steps", 4, "--device", "cpu")
    assert outcome.status == 0, outcome.stderr


def test_the_gpu_is_compared_with_the_cpu(scratchgpt, cuda):
    outcome = scratchgpt("verify", "all", "--device", "cuda", "--json")
    assert outcome.status == 0, outcome.stderr
    rows = json.loads(outcome.stdout)
    assert {row["kind"] for row in rows} == {"op", "layer", "model"}
    assert len(rows) > 180
    assert all(row["method"] == "parity" for row in rows)
    # The copy to the device is contiguous, and NumPy adds the squares of other layouts differently.
    rounded = {(row["name"], row["case"]) for row in rows if row["worst_error"] != 0}
    assert rounded <= {("rms_norm", "strided"), ("rms_norm", "reversed")}
    assert max(row["worst_error"] for row in rows) < 1e-15


def test_a_wrong_gpu_is_found(scratchgpt, cuda, monkeypatch):
    from scratchgpt.ops import softmax

    wrong = softmax.softmax_backward_into

    def broken(dy, y, axis, out):
        wrong(dy, y, axis, out)
        if isinstance(out, cuda.StrictArray):
            out *= 1.001

    monkeypatch.setattr(softmax, "softmax_backward_into", broken)
    outcome = scratchgpt("verify", "softmax", "--device", "cuda")
    assert outcome.status == 1
    assert "WRONG" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["verify", "softmax", "--device", "gpu"], "device='gpu' must be cpu, cuda"),
        (["verify", "softmax", "--device", "cuda", "--method", "central"], "--method central has"),
        (["verify", "sofmax", "--device", "cuda"], "no operation, layer or model 'sofmax'"),
        (["bench", "char", "--device", "tpu"], "device='tpu' must be cpu, cuda"),
    ],
)
def test_devices_and_options_that_do_not_fit_are_refused(refused, cuda, arguments, says):
    assert says in refused(*arguments)


def test_a_model_of_integers_stays_on_the_cpu(run, refused, scratchgpt, cuda, tmp_path):
    model = run("cpu", "run")
    assert scratchgpt("quantize", model, "--out", tmp_path / "small").status == 0
    said = refused("generate", "-m", tmp_path / "small", "--device", "cuda")
    assert "8-bit weights, which compute on the CPU only" in said


def test_a_gpu_is_measured(scratchgpt, cuda, monkeypatch):
    monkeypatch.setattr(gpu, "PRODUCT_SIZE", 4)
    monkeypatch.setattr(gpu, "BUFFER_BYTES", 400)
    options = ["--batch", 1, "--block", 4, "--seconds", 0, "--steps", 1]
    outcome = scratchgpt("bench", "preset:gpt-nano", *options, "--device", "cuda", "--json")
    assert outcome.status == 0, outcome.stderr
    result = json.loads(outcome.stdout)
    assert result["device"] == "cuda"
    assert result["kernels"] is False
    assert [one["dtype"] for one in result["decode"]] == ["float32"]
    outcome = scratchgpt("bench", "preset:gpt-nano", *options, "--device", "cuda")
    assert "on cuda" in outcome.stdout
