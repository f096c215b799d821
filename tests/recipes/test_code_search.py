import numpy as np

from scratchgpt.embeddings import TextEncoder
from scratchgpt.recipes import code_search, configure
from scratchgpt.recipes.code_search import (
    Stage,
    fastest_precision,
    finish_setup,
    setup_stages,
)


def test_the_encoder_starts_from_the_gpt_on_code(tmp_path, monkeypatch):
    settings = []
    monkeypatch.setattr(code_search, "configure", lambda **given: settings.append(given))
    gpt, encoder = setup_stages(tmp_path)
    for stage in (gpt, encoder):
        stage.configure(3, "bf16")
    assert [one["corpus"] for one in settings] == [["python-code"], ["python-code"]]
    assert settings[1]["init"] == str(gpt.out)
    assert [one["training"]["seed"] for one in settings] == [3, 3]
    assert [one["training"]["precision"] for one in settings] == ["bf16", "bf16"]


def test_the_settings_of_the_gpt_fit_together(tmp_path):
    run = setup_stages(tmp_path)[0].configure(0, "float32")
    assert (run.preset, run.tokenizer) == ("search", "bpe:4096")


def test_the_fastest_precision_without_kernels_is_float32(monkeypatch):
    monkeypatch.setattr(code_search, "kernels_available", lambda: False)
    assert fastest_precision() == "float32"


def test_a_run_is_started_and_finished(encoder_run, tmp_path):
    stage = Stage("", tmp_path / "none", configure)
    assert not stage.is_started
    assert not stage.is_finished
    stage = Stage("", encoder_run, configure)
    assert stage.is_started
    assert stage.is_finished


def test_the_model_gives_the_vectors_of_the_run(encoder_run, tmp_path):
    (tmp_path / "encoder").symlink_to(encoder_run)
    finish_setup(tmp_path, tmp_path / "model")
    texts = ["amber birch", "about cedar 3"]
    before, after = (TextEncoder.from_pretrained(p) for p in (encoder_run, tmp_path / "model"))
    np.testing.assert_allclose(after.encode(texts), before.encode(texts), atol=1e-6)
