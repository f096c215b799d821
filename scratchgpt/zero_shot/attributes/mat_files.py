"""Reading of MATLAB files, which may be damaged or written by a stranger."""

import math
import warnings
from pathlib import Path
from typing import Any

from scratchgpt.compressed import MAX_RATIO, SMALL_BYTES
from scratchgpt.errors import UserError, counted, did_you_mean

MARK = b"MATLAB 5.0 MAT-file"
_LARGEST_ITEM = 8  # bytes of a number, or of the pointer to a cell


def read_mat(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read variables of a MATLAB file of version 5 to 7, which has no code in it.

    Parameters
    ----------
    path : path
    names : tuple of str
        Variables that must be there.
    optional : tuple of str
        Variables that may be missing.

    Raises
    ------
    UserError
        If the file is missing, is of another kind, is damaged, or a variable is missing or would
        be more than 50 times larger than the file, which a healthy file is not.
    """
    from scipy.io import loadmat, whosmat

    try:
        with open(path, "rb") as file:
            start = file.read(len(MARK))
            if start != MARK:
                raise UserError(_other_kind(path, start))
            n_bytes = file.seek(0, 2)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of scipy, about variables of the same name
                file.seek(0)
                shapes = {name: shape for name, shape, _ in whosmat(file)}
                _check_variables(path, shapes, names, optional, n_bytes)
                file.seek(0)
                content: dict[str, Any] = loadmat(file, variable_names=[*names, *optional])
    except FileNotFoundError:
        raise UserError(
            f"{path.parent} has no {path.name}; name a folder with res101.mat and att_splits.mat"
        ) from None
    except OSError as error:
        if error.errno is not None:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        raise _damaged(path) from error
    except UserError:
        raise
    except Exception as error:  # scipy raises errors of many kinds for damaged files
        raise _damaged(path) from error
    if missing := [name for name in names if name not in content]:
        raise UserError(f"{path} is damaged: it has no {missing[0]}; download it again")
    return {name: content[name] for name in (*names, *optional) if name in content}


def _check_variables(
    path: Path,
    shapes: dict[str, tuple[int, ...]],
    names: tuple[str, ...],
    optional: tuple[str, ...],
    n_bytes: int,
) -> None:
    for name in names:
        if name not in shapes:
            hint = did_you_mean(name, shapes)
            raise UserError(f"{path} has no variable {name!r}{hint}")
    limit = max(MAX_RATIO * n_bytes, SMALL_BYTES)
    for name in (*names, *optional):
        shape = shapes.get(name, (0,))
        if min(shape, default=0) < 0 or math.prod(map(int, shape)) * _LARGEST_ITEM > limit:
            raise UserError(
                f"{path}: {name} is {shape}, too large for a file of {counted(n_bytes, 'byte')}; "
                "it is damaged, download it again"
            )


def _other_kind(path: Path, start: bytes) -> str:
    if start.startswith(b"MATLAB 7.3"):
        return f"{path} has MATLAB's format 7.3, which cannot be read; save it with -v7"
    return f"{path} is not a MATLAB file of version 5 to 7"


def _damaged(path: Path) -> UserError:
    return UserError(f"{path} is damaged and cannot be read; download it again")
