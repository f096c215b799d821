"""Names, initial values, gradients and files equal those of an earlier commit; see recorded.py."""

import base64
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.models import GPT

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("recorded", HERE / "recorded.py")
recorded = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recorded)
BEFORE = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))

each_form = pytest.mark.parametrize("form", recorded.FORMS)


@each_form
def test_names_and_initial_values(form):
    for dtype in ("float32", "float64"):
        store = recorded.make(form, dtype).store
        assert list(store.named) == BEFORE[form]["names"]
        assert recorded.sha256(in_earlier_order(store).tobytes()) == BEFORE[form]["initial"][dtype]


def in_earlier_order(store):
    """The flat array of the earlier commit: matrices first, and each in whole cache lines."""
    names = sorted(store.named, key=lambda name: not store.named[name].decays)
    step = 64 // store.dtype.itemsize
    parts = [store.named[name].value.ravel() for name in names]
    return np.concatenate([np.pad(part, (0, -part.size % step)) for part in parts])


@each_form
@pytest.mark.parametrize(
    ("run", "dtype", "settings", "tolerance"),
    [
        ("float64", np.float64, {}, 1e-12),
        ("float64, dropout", np.float64, {"dropout_seed": 7}, 1e-12),
        ("float64, dropout", np.float64, {"dropout_seed": 7, "recompute": True}, 1e-12),
        ("float32, dropout, recompute", np.float32, {"dropout_seed": 7, "recompute": True}, 1e-5),
        ("float32, dropout, recompute", np.float32, {"dropout_seed": 7}, 1e-5),
    ],
)
def test_loss_and_gradients(form, run, dtype, settings, tolerance, assert_close):
    with kernels.disabled():
        actual = recorded.step(form, dtype, **settings)
    expected = BEFORE[form][run]
    assert actual["loss"] == pytest.approx(expected["loss"], rel=tolerance)
    assert_close(np.array(actual["gradients"]), np.array(expected["gradients"]), tolerance)


@each_form
def test_a_saved_model_has_the_same_bytes(form):
    assert {
        name: recorded.sha256(content) for name, content in recorded.files(form).items()
    } == BEFORE[form]["files"]


def test_a_model_that_the_earlier_commit_wrote_is_read(tmp_path):
    for name, content in BEFORE["directory"].items():
        (tmp_path / name).write_bytes(base64.b64decode(content))
    read, made = GPT.from_pretrained(tmp_path), recorded.tiny()
    assert read.config == made.config
    assert list(read.store.named) == list(made.store.named)
    np.testing.assert_array_equal(read.store.values, made.store.values)
