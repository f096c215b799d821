"""Folders in the community's layout, counted from 1; a made one, and the splits of AwA."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from scratchgpt.zero_shot import binary_attributes
from scratchgpt.zero_shot.attributes.evaluate import evaluate
from scratchgpt.zero_shot.attributes.splits import read_attribute_task

N_EACH = 5  # examples of each class that are trained on, and as many that are tested


def column(values):
    return np.asarray(values)[:, None]


def content(task):
    """Return the variables of the two files for a made task, whose classes have other numbers."""
    order = np.array([7, 2, 11, 0, 5, 9, 1, 10, 3, 8, 6, 4])  # the class of each row of the file
    names = np.array([[task.names[k].replace(" ", "+")] for k in order], dtype=object)
    row = np.argsort(order)
    x = np.concatenate([task.x, task.x_test])
    y = np.concatenate([row[task.y], row[task.y_test]])
    n, is_seen = len(task.y), task.is_seen[task.y_test]
    test = n + np.arange(len(task.y_test))
    held_out = np.flatnonzero(np.isin(task.y, [0, 1]))
    features = {"features": x.T, "labels": column(y + 1)}
    splits = {
        "att": task.s[order].T,
        "original_att": 100 * task.s[order].T - 3,
        "allclasses_names": names,
        "trainval_loc": column(np.arange(n) + 1),
        "train_loc": column(np.setdiff1d(np.arange(n), held_out) + 1),
        "val_loc": column(held_out + 1),
        "test_seen_loc": column(test[is_seen] + 1),
        "test_unseen_loc": column(test[~is_seen] + 1).astype(np.uint16),
    }
    return features, splits


def write(folder, features, splits):
    savemat(folder / "res101.mat", features)
    savemat(folder / "att_splits.mat", splits, do_compression=True)


def test_a_folder_gives_the_task_that_it_was_made_of(task, tmp_path):
    write(tmp_path, *content(task))
    read = read_attribute_task(tmp_path, standardize=False)
    order = [task.names.index(name) for name in read.names]
    assert sorted(order) == list(range(12))
    np.testing.assert_array_equal(read.s, task.s[order])
    np.testing.assert_array_equal(read.binary, task.s[order])
    np.testing.assert_array_equal(read.is_seen, task.is_seen[order])
    np.testing.assert_array_equal(np.array(order)[read.y], task.y)
    np.testing.assert_array_equal(read.x, task.x)
    [held_out] = read.held_out
    assert sorted(read.names[k] for k in held_out) == ["class 0", "class 1"]
    by_class = {tuple(x): k for x, k in zip(task.x_test, task.y_test, strict=True)}
    for x, k in zip(read.x_test, read.y_test, strict=True):
        assert by_class[tuple(x)] == order[k]
    results = {result.name: result.accuracy for result in evaluate(read_attribute_task(tmp_path))}
    assert results["ESZSL"] > 0.8


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("features", lambda v: np.where(v == v.max(), np.nan, v), "res101.mat: X contains nan"),
        ("features", lambda v: v[:, 1:], "res101.mat has 399 features but 400 labels"),
        ("features", lambda v: "text", "res101.mat is damaged: a variable is not a matrix"),
        ("labels", lambda v: v - 1, "res101.mat: labels contains 0, which is not from 1 to 12"),
        ("labels", lambda v: v + 0.5, r"labels contains \d+\.5, which is not from 1 to 12"),
        ("att", lambda v: v[:, 1:], "att is for 11 classes, original_att for 12"),
        ("val_loc", lambda v: v + 1000, "val_loc contains 1001, which is not from 1 to 400"),
        ("trainval_loc", lambda v: v[:0], "trainval_loc must be integers from 1 to 400"),
        (
            "trainval_loc",
            lambda v: np.vstack([v, [[400]]]),
            "is in trainval_loc and in a test part",
        ),
        ("allclasses_names", lambda v: np.arange(12.0), "one name per cell"),
        ("test_unseen_loc", lambda v: v[:0] + 161, "test_unseen_loc must be integers"),
    ],
)
def test_a_contradiction_is_refused(task, tmp_path, name, change, message):
    both = content(task)
    for one in both:
        if name in one:
            one[name] = change(one[name])
    write(tmp_path, *both)
    with pytest.raises(ValueError, match=message):
        read_attribute_task(tmp_path)


def test_an_unseen_class_among_the_training_classes_is_refused(task, tmp_path):
    features, splits = content(task)
    splits["test_unseen_loc"], splits["test_seen_loc"] = (
        splits["test_seen_loc"],
        splits["test_unseen_loc"],
    )
    write(tmp_path, features, splits)
    with pytest.raises(ValueError, match="is in trainval_loc and in test_unseen_loc"):
        read_attribute_task(tmp_path)


def real_splits(tmp_path, which):
    data = os.environ.get("SCRATCHGPT_DATA")
    path = Path(data or "", f"embed/awa/att_splits_{which}.mat.gz")
    if not data or not path.is_file():
        pytest.skip("att_splits.mat of AwA is not available")
    (tmp_path / "att_splits.mat").write_bytes(gzip.decompress(path.read_bytes()))
    return path.parent, loadmat(tmp_path / "att_splits.mat")


@pytest.mark.parametrize("which", ["AWA1", "AWA2"])
def test_the_published_splits_are_understood(tmp_path, which):
    """The features are not available, so the attributes of each example stand for them."""
    folder, splits = real_splits(tmp_path, which)
    matrix = gzip.decompress((folder / "predicate-matrix-binary.txt.gz").read_bytes())
    binary = np.array([line.split() for line in matrix.decode().splitlines()], dtype=float)
    np.testing.assert_array_equal(binary_attributes(splits["original_att"].T), binary)

    n = max(int(splits[f"{part}_loc"].max()) for part in ("trainval", "test_seen", "test_unseen"))
    labels = np.zeros(n, dtype=np.int64)
    seen, unseen = np.arange(40), np.arange(40, 50)
    labels[splits["trainval_loc"].ravel() - 1] = np.resize(seen, splits["trainval_loc"].size) + 1
    labels[splits["test_seen_loc"].ravel() - 1] = np.resize(seen, splits["test_seen_loc"].size) + 1
    labels[splits["test_unseen_loc"].ravel() - 1] = (
        np.resize(unseen, splits["test_unseen_loc"].size) + 1
    )
    savemat(tmp_path / "res101.mat", {"features": labels[None] / 7, "labels": labels[:, None]})
    task = read_attribute_task(tmp_path)
    assert task.s.shape == task.binary.shape == (50, 85)
    assert (int(task.is_seen.sum()), len(task.y)) == (40, splits["trainval_loc"].size)
    assert {"antelope", "grizzly bear", "zebra"} <= set(task.names)
