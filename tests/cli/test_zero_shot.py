"""``scratchgpt zero-shot``: the drawn animals, and folders with features and attributes."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from scratchgpt.zero_shot.animals import task as animals

MEASURES = {"accuracy", "generalized", "stacking", "stacked", "ausuc", "constants", "confusion"}


@pytest.fixture
def few_pictures(monkeypatch):
    monkeypatch.setattr(animals.animal_task, "__kwdefaults__", {"n_train": 6, "n_test": 4})


@pytest.fixture
def folder(tmp_path):
    """Fifteen unseen classes, too many for a confusion matrix."""
    spec = importlib.util.spec_from_file_location(
        "made", Path(__file__).parents[1] / "zero_shot" / "attributes" / "conftest.py"
    )
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    task = made.made_task(n=6, n_classes=27, n_unseen=15, noise=0.5)
    n, is_seen = len(task.y), task.is_seen[task.y_test]
    test = n + 1 + np.arange(len(task.y_test))
    path = tmp_path / "made"
    path.mkdir()
    labels = np.concatenate([task.y, task.y_test])[:, None] + 1
    x = np.concatenate([task.x, task.x_test]).T
    savemat(path / "res101.mat", {"features": x, "labels": labels})
    s = np.column_stack([task.s, task.is_seen]).T
    names = np.array([[name] for name in task.names], dtype=object)
    splits = {"att": s, "original_att": s, "allclasses_names": names}
    splits["trainval_loc"] = np.arange(n)[:, None] + 1
    splits["test_seen_loc"] = test[is_seen, None]
    splits["test_unseen_loc"] = test[~is_seen, None]
    savemat(path / "att_splits.mat", splits)
    return path


def test_the_animals_are_drawn_explained_and_measured(scratchgpt, few_pictures):
    outcome = scratchgpt("zero-shot")
    assert outcome.status == 0
    shown = outcome.stdout
    for text in (
        "zebra                     white cow",
        "What DAP saw in 4 pictures of zebras:",
        "evidence against",
        "a zebra",
        "24 seen classes with 144 training examples, 6 unseen classes, 120 test examples.",
        "nearest seen class",
        "most frequent class       16.7     4.2     0.0     0.0",
        "ESZSL: gamma ",
    ):
        assert text in shown
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert shown.isascii()


def test_json_has_every_measure_of_every_method(scratchgpt, few_pictures):
    record = json.loads(scratchgpt("zero-shot", "--json", "--seed", 1).stdout)
    assert record["seed"] == 1
    assert set(record["methods"]) == {"DAP", "IAP", "ESZSL", "NearestSeen", "Majority"}
    assert all(set(method) == MEASURES for method in record["methods"].values())
    assert record["unseen"][0] == "zebra"
    zebra = record["zebra"]
    assert len(zebra["attributes"]) == record["n_attributes"] == 13
    assert zebra["unseen"] in record["unseen"]
    assert zebra["seen"] in record["seen"]


def test_the_sheet_is_saved_instead(scratchgpt, refused, few_pictures, tmp_path):
    path = tmp_path / "animals.png"
    outcome = scratchgpt("zero-shot", "--out", path)
    assert outcome.status == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert outcome.stdout.startswith("A zebra is a horse with stripes.")
    assert "already exists" in refused("zero-shot", "--out", path)


def test_a_sheet_needs_matplotlib_and_a_known_format(refused, monkeypatch, tmp_path):
    assert "must end in one of .png" in refused("zero-shot", "--out", tmp_path / "a.gif")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install 'scratchgpt-numpy[plots]'" in refused(
        "zero-shot", "--out", tmp_path / "a.png"
    )


def test_a_folder_is_measured(scratchgpt, folder):
    outcome = scratchgpt("zero-shot", folder)
    assert outcome.status == 0
    assert "12 seen classes with 72 training examples, 15 unseen classes" in outcome.stdout
    assert re.search(r"The most frequent errors of \w+ among the unseen classes:", outcome.stdout)
    assert "DAP and IAP do not use 1 attribute: the seen classes all have the same value" in (
        outcome.stdout
    )
    standard, raw = (
        json.loads(scratchgpt("zero-shot", folder, "--json", *option).stdout)
        for option in ((), ("--raw",))
    )
    assert standard["source"] == str(folder)
    assert (standard["n_attributes"], standard["n_learned_attributes"]) == (7, 6)
    assert standard["methods"]["ESZSL"]["accuracy"] > 0.5
    assert standard["methods"]["ESZSL"]["stacking"] != raw["methods"]["ESZSL"]["stacking"]


def test_what_cannot_be_done_is_refused(refused, folder, tmp_path):
    assert "has no res101.mat; name a folder with" in refused("zero-shot", tmp_path)
    assert "--raw is about the features of a folder" in refused("zero-shot", "--raw")
    assert "a folder has no pictures" in refused("zero-shot", folder, "--out", tmp_path / "a.png")
    (folder / "att_splits.mat").write_bytes(b"MATLAB 5.0 MAT-file" + b"\x00" * 200)
    assert "att_splits.mat" in refused("zero-shot", folder)
