"""The folders in which the community shares features and splits: res101.mat and att_splits.mat.

The layout is that of Xian et al. (2018, arXiv:1707.00600). ``res101.mat`` has ``features`` (d, N)
and ``labels`` (N, 1); ``att_splits.mat`` has ``att`` (m, K), ``original_att`` (m, K),
``allclasses_names`` (K, 1), and the examples ``trainval_loc``, ``train_loc``, ``val_loc``,
``test_seen_loc`` and ``test_unseen_loc``. Classes and examples are counted from 1.
"""

from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.zero_shot.attributes.checks import as_attributes, as_features, binary_attributes
from scratchgpt.zero_shot.attributes.mat_files import read_mat
from scratchgpt.zero_shot.attributes.task import AttributeTask, standardized

FEATURES_FILE, SPLITS_FILE = "res101.mat", "att_splits.mat"
_PARTS = ("trainval_loc", "test_seen_loc", "test_unseen_loc")


def read_attribute_task(folder: Path | str, *, standardize: bool = True) -> AttributeTask:
    """Read a folder with ``res101.mat`` and ``att_splits.mat``.

    ESZSL uses ``att``. DAP and IAP use ``original_att``, where values above their mean are 1.
    Constants are chosen on the classes of ``val_loc``.

    Parameters
    ----------
    folder : path
    standardize : bool
        Whether to shift and scale the features; see :func:`standardized`.

    Raises
    ------
    UserError
        If a file is missing, damaged, or contradicts the other.
    """
    folder = Path(folder)
    first, second = folder / FEATURES_FILE, folder / SPLITS_FILE
    features = read_mat(first, ("features", "labels"))
    splits = read_mat(second, ("att", "original_att", "allclasses_names", *_PARTS), ("val_loc",))
    s, original = _attributes(splits["att"], second), _attributes(splits["original_att"], second)
    names = _names(splits["allclasses_names"], second)
    if s.shape != original.shape or len(names) != len(s):
        raise UserError(
            f"{second}: att is for {counted(len(s), 'class')}, original_att for {len(original)}, "
            f"allclasses_names for {len(names)}; they must be the same"
        )
    x = _named(first, lambda: as_features(_array(features["features"], first).T))
    y = _indices(features["labels"], len(s), f"{first}: labels")
    if len(y) != len(x):
        raise UserError(f"{first} has {len(x):,} features but {counted(len(y), 'label')}")
    train, test_seen, test_unseen = (
        _indices(splits[name], len(x), f"{second}: {name}") for name in _PARTS
    )
    seen, unseen = np.unique(y[train]), np.unique(y[test_unseen])
    _check_split(second, names, (train, test_seen, test_unseen), (seen, unseen, y[test_seen]))

    kept = np.union1d(seen, unseen)  # the other classes have neither training nor test examples
    number = np.zeros(len(s), dtype=np.int64)
    number[kept] = np.arange(len(kept))
    is_seen = np.isin(kept, seen)
    held_out = None
    if "val_loc" in splits:
        classes = np.unique(y[_indices(splits["val_loc"], len(x), f"{second}: val_loc")])
        held_out = _held_out(number[np.intersect1d(classes, seen)], len(seen))
    test = np.concatenate([test_seen, test_unseen])
    x_train, x_test = standardized(x[train], x[test]) if standardize else (x[train], x[test])
    binary = binary_attributes(original)
    return AttributeTask(
        x_train,
        number[y[train]],
        x_test,
        number[y[test]],
        s[kept],
        binary[kept],
        is_seen,
        tuple(names[k] for k in kept),
        held_out,
    )


def _held_out(classes: Array, n_seen: int) -> list[Array] | None:
    """Return the classes of val_loc as the only fold, if it leaves at least two to learn from."""
    return [classes] if len(classes) and len(classes) <= n_seen - 2 else None


def _check_split(
    path: Path, names: list[str], parts: tuple[Array, ...], classes: tuple[Array, ...]
) -> None:
    """Raise UserError unless the parts are disjoint, and so are seen and unseen classes."""
    train, test_seen, test_unseen = parts
    seen, unseen, of_test_seen = classes
    if np.intersect1d(train, np.concatenate([test_seen, test_unseen])).size:
        raise UserError(f"{path}: an example is in trainval_loc and in a test part; test others")
    if (both := np.intersect1d(seen, unseen)).size:
        raise UserError(
            f"{path}: class {names[both[0]]} is in trainval_loc and in test_unseen_loc, so it is "
            "not unseen"
        )
    if (new := np.setdiff1d(of_test_seen, seen)).size:
        raise UserError(
            f"{path}: class {names[new[0]]} is in test_seen_loc but not in trainval_loc, so it is "
            "not seen"
        )


def _attributes(value: Any, path: Path) -> Array:
    return _named(path, lambda: as_attributes(_array(value, path).T))


def _named(path: Path, compute: Any) -> Array:
    """Return the result of a check; its error names the file."""
    try:
        result: Array = compute()
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return result


def _array(value: Any, path: Path) -> Array:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or value.ndim != 2:
        raise UserError(f"{path} is damaged: a variable is not a matrix of numbers")
    return value


def _indices(value: Any, n: int, what: str) -> Array:
    """Return numbers from 1 to n as indices starting at 0."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size:
        flat = value.ravel()
        with np.errstate(invalid="ignore"):
            is_good = (flat >= 1) & (flat <= n) & (flat == np.floor(flat))
        if is_good.all():
            return flat.astype(np.int64) - 1
        raise UserError(f"{what} contains {flat[~is_good][0]}, which is not from 1 to {n:,}")
    raise UserError(f"{what} must be integers from 1 to {n:,}")


def _names(value: Any, path: Path) -> list[str]:
    """Return the class names: a cell array in which each cell is a string."""
    is_cells = isinstance(value, np.ndarray) and value.dtype == object
    cells: list[Any] = list(value.ravel()) if is_cells else []
    names = [np.asarray(cell).ravel() for cell in cells]
    if not names or any(len(name) != 1 or name.dtype.kind != "U" for name in names):
        raise UserError(f"{path}: allclasses_names must be a cell array with one name per cell")
    return [str(name[0]).replace("+", " ") for name in names]
