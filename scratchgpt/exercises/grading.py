"""Grading: run the file of a reader, and compare its backward with its forward."""

import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from scratchgpt.errors import UserError
from scratchgpt.exercises.catalog import Exercise
from scratchgpt.kernels import disabled
from scratchgpt.utf8 import read_text
from scratchgpt.verify import Report, check_vjp

Result = TypeVar("Result")


def grade(exercise: Exercise, path: Path) -> Report:
    """Run the forward and the backward in a file, and compare them.

    The forward must still compute what the operation of scratchgpt does, so that a wrong backward
    cannot pass with a forward that was changed to fit it.

    Parameters
    ----------
    exercise : Exercise
    path : Path
        A Python file. It is executed.

    Returns
    -------
    report : Report
        It has a row for each input: print it.

    Raises
    ------
    UserError
        If the file cannot be read or run, or its forward computes something else. The message has
        the line of the file.
    """
    forward, backward = load(path)
    for inputs in exercise.inputs:
        y, _ = _run(path, partial(_pair, forward, inputs))
        with disabled():
            expected, _ = exercise.operation(**inputs, **exercise.settings)
        if np.shape(y) != np.shape(expected) or not np.allclose(y, expected, 1e-10, 1e-10):
            raise UserError(
                f"{path}: forward no longer computes {exercise.name}; restore it from a new file "
                "of the exercise"
            )
        report = _run(path, partial(check_vjp, forward, backward, inputs))
        if not report.passed:
            break
    return report


def load(path: Path) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Execute a file, and return its functions ``forward`` and ``backward``."""
    try:
        source = read_text(path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        code = compile(source, str(path), "exec")
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 1}: {error.msg}; correct it") from None
    except ValueError as error:
        raise UserError(f"{path}: {error}; correct it") from None
    _run(path, partial(exec, code, names))
    for name in ("forward", "backward"):
        if not callable(names.get(name)):
            raise UserError(f"{path}: there is no function {name}; define it")
    return names["forward"], names["backward"]


def _pair(forward: Callable[..., Any], inputs: dict[str, Any]) -> tuple[Any, Any]:
    result = forward(**inputs)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError("forward must return two things: y and saved")
    return result


def _run(path: Path, call: Callable[[], Result]) -> Result:
    """Call code of the reader; an exception becomes an error with the line that raised it."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # the report shows what comes of it
            return call()
    except NotImplementedError as error:
        raise UserError(f"{_place(path, error)}: backward is still empty; write it") from None
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split()) or "no message"
        raise UserError(
            f"{_place(path, error)}: {type(error).__name__}: {reason}; correct it"
        ) from None


def _place(path: Path, error: BaseException) -> str:
    """Return the path, with the line of it in which an exception was raised if it was there."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)
