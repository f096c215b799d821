"""The processes of a sweep: each runs trials that the shared journal gives it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from scratchgpt.errors import UserError, counted
from scratchgpt.recipes.sweep import REASON, SweepFolder, is_counted, value_of

_POLL = 0.5  # seconds


def run_jobs(
    folder: SweepFolder, n_trials: int, n_jobs: int, report: Callable[[str], None]
) -> None:
    """Run trials of a sweep in several processes, until ``n_trials`` have ended.

    Parameters
    ----------
    folder : SweepFolder
    n_trials : int
    n_jobs : int
        With one, the trials run in this process.
    report : callable
        Called with a line for each trial that ended.

    Raises
    ------
    KeyboardInterrupt
        If a signal stops the sweep; the trials save their runs.
    UserError
        If a process ends with an error.
    """
    reported = {
        trial.number for trial in folder.study.get_trials(deepcopy=False) if is_counted(trial)
    }

    def report_ended() -> None:
        for trial in folder.study.get_trials(deepcopy=False):
            if is_counted(trial) and trial.number not in reported:
                reported.add(trial.number)
                report(describe_trial(folder, trial.number))

    if n_jobs == 1:
        while folder.n_counted() < n_trials:
            folder.run_trials(folder.n_counted() + 1)
            report_ended()
        return
    # The pipe closes when this process ends, however it ends.
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "scratchgpt.recipes.sweep_jobs", str(folder.path)]
    processes = [
        subprocess.Popen([*command, str(n_trials)], start_new_session=True, stdin=reader)
        for _ in range(n_jobs)
    ]
    try:
        while any(process.poll() is None for process in processes):
            time.sleep(_POLL)
            report_ended()
    except BaseException:
        for process in processes:
            process.send_signal(signal.SIGTERM)  # a trial saves its run
        raise
    finally:
        os.close(reader)
        failed = [process.wait() for process in processes if process.wait()]
        os.close(writer)
    report_ended()
    if failed:
        raise UserError(
            f"{counted(len(failed), 'process', 'processes')} of the sweep ended with status "
            f"{failed[0]}; resume it with --resume"
        )


def describe_trial(folder: SweepFolder, number: int) -> str:
    """Describe a trial that ended in one line."""
    trial = folder.study.get_trials(deepcopy=False)[number]
    values = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in trial.params.items()
    )
    if (value := value_of(trial)) is not None:
        return f"trial {number}: {folder.score} {value:.4f} ({values})"
    state = "failed" if trial.state.name == "FAIL" else "stopped"
    return f"trial {number}: {state}, {trial.user_attrs.get(REASON, '')} ({values})"


def _end_with_parent() -> None:
    """End the trial of this process, which saves its run, when its parent has ended."""

    def wait() -> None:
        os.read(0, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    try:
        SweepFolder(Path(sys.argv[1])).run_trials(int(sys.argv[2]))
    except KeyboardInterrupt:
        sys.exit(0)  # the parent was interrupted, too
