"""A run that is resumed keeps its task, its sizes, its method and the model that it started from.

The settings of its model and its training are compared with those of its checkpoint; see
:func:`scratchgpt.training.resuming.check_resumable`. These here are in no checkpoint.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.escapes import shell_quoted
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.paths import find_from, make_absolute
from scratchgpt.recipes.run_file import CONFIG_FILE, read_settings


def check_resumed(run: RunConfig, out_dir: Path, method: Mapping[str, object]) -> None:
    """Refuse to resume a run with settings that differ from those in its configuration file.

    Parameters
    ----------
    run : RunConfig
    out_dir : Path
        Folder of the run. If there is no run in it, its trainer says so.
    method : mapping
        The defaults of the settings of its objective, for a file without them.

    Raises
    ------
    UserError
        If a setting differs. The message names it and both values.
    """
    path = out_dir / CONFIG_FILE
    if not path.exists():
        return
    saved: Mapping[str, Any] = make_absolute(find_from(out_dir, read_settings(path)))
    values: Mapping[str, Any] = make_absolute({"method": run.method})
    if run.task != (task := saved.get("task")):
        was = "as a language model" if task is None else f"with task={task!r}"
        raise UserError(
            f"the run in {out_dir} was started {was}, not with task={run.task!r}; resume it with "
            f"scratchgpt train --out {shell_quoted(out_dir)} --resume, or choose another folder"
        )
    before = {**method, **saved.get("method", {})}
    started = {
        "preset": (saved.get("preset", RunConfig.preset), run.preset),
        "init": (saved.get("init"), run.init and os.path.abspath(run.init)),
        **{name: (old, values["method"].get(name, old)) for name, old in before.items()},
    }
    if "init" in saved and _is_own(run.init, out_dir):  # as read_run returns it
        del started["init"]
    for name, (old, new) in started.items():
        if old != new:
            was = f"without {name}" if old is None else f"with {name}={old!r}"
            now = f"without {name}" if new is None else f"with {name}={new!r}"
            raise UserError(
                f"the run in {out_dir} was started {was}, not {now}; resume it as it was started, "
                "or choose another folder"
            )


def _is_own(init: str | None, out_dir: Path) -> bool:
    """Whether a model is a checkpoint of the run."""
    return init is not None and out_dir.resolve() in Path(init).resolve().parents
