"""Damage files of every kind and give them to the command line: no traceback, hang or memory peak.

    python tests/fuzz/fuzz.py [--cases 10000] [--seed 0] [--kinds series.csv run]

A case is decided by its number, so ``--seed N --cases 1`` repeats case N. The cases run in child
processes, so that one that aborts is reported like the others.
"""

import argparse
import collections
import contextlib
import io
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from mutations import damage
from samples import make_samples

from scratchgpt.cli.inputs import INPUTS, Input
from scratchgpt.cli.main import run as run_command_line

SECONDS, BYTES = 20, 2 << 30
CHUNK = 50  # cases per child process
GOOD = ("accepted", "refused")


class Case(NamedTuple):
    """What happened in a case."""

    number: int
    kind: str
    command: str
    damage: str
    outcome: str  # accepted, refused, traceback, hang, memory or aborted
    detail: str


class TookTooLong(BaseException):
    """A case ran longer than SECONDS."""


def quiet_samples(folder: Path) -> dict[str, Path]:
    """Create the samples without output."""
    with open(os.devnull, "w") as nowhere, _streams(nowhere, nowhere):
        return make_samples(folder)


def run_case(
    number: int,
    samples: dict[str, Path],
    folder: Path,
    kinds: list[Input],
    seconds: int = SECONDS,
) -> Case:
    """Damage a sample, and run a command that reads it."""
    chance = random.Random(number)
    one = chance.choice(kinds)
    command = chance.choice(one.commands)
    shutil.rmtree(folder, ignore_errors=True)
    path = copy_sample(one, samples, folder)
    done = damage(path, chance)
    outcome, detail = run_quietly(filled(command, samples, path), seconds)
    return Case(number, one.kind, " ".join(command), done, outcome, detail)


def copy_sample(one: Input, samples: dict[str, Path], folder: Path) -> Path:
    """Copy a sample to a new folder."""
    folder.mkdir(parents=True)
    path = folder / one.kind
    if samples[one.kind].is_dir():
        shutil.copytree(samples[one.kind], path, symlinks=True)
    else:
        shutil.copy(samples[one.kind], path)
    return path


def filled(command: tuple[str, ...], samples: dict[str, Path], path: Path) -> list[str]:
    """Put the paths into a command; ``{out}`` is beside ``{path}``."""
    places = {**samples, "path": path, "out": path.with_name("out")}
    return [re.sub(r"\{([^}]+)\}", lambda match: str(places[match[1]]), word) for word in command]


def run_quietly(arguments: list[str], seconds: int = SECONDS) -> tuple[str, str]:
    """Run a command in this process; return its outcome, and its error if that is not good."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace")
    sys.argv = ["scratchgpt", *arguments]
    environment = dict(os.environ)  # --threads sets a variable for child processes
    before = _reset_peak()
    previous = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(seconds)
    try:
        with _streams(out, err), warnings.catch_warnings():
            warnings.simplefilter("default")  # as a user's Python has it
            run_command_line()
        status: object = 0
    except SystemExit as stop:
        status = stop.code or 0
    except TookTooLong:
        return "hang", ""
    except BaseException:
        return "traceback", traceback.format_exc()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        os.environ.clear()
        os.environ.update(environment)
    if _peak() - before > BYTES:
        return "memory", f"{(_peak() - before) >> 20} MiB"
    err.flush()
    message = err.buffer.getvalue().decode(errors="replace")
    errors = [line for line in message.splitlines() if line.startswith("error: ")]
    if status == 0:
        return "accepted", ""
    if status == 2 and len(errors) == 1 and message.rstrip("\n").endswith(errors[0]):
        return "refused", errors[0]
    return "traceback", f"status {status}, not one line of error: {message!r}"


@contextlib.contextmanager
def _streams(out, err):
    """Replace the standard streams; standard input is empty."""
    before = sys.stdin
    with open(os.devnull) as empty, contextlib.redirect_stdout(out):
        sys.stdin = empty
        try:
            with contextlib.redirect_stderr(err):
                yield
        finally:
            sys.stdin = before


def _too_long(*_):
    raise TookTooLong


def _reset_peak() -> int:
    """Reset the peak of this process's memory, and return the memory in use."""
    with contextlib.suppress(OSError):  # not on Linux
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0


def _work(numbers: range, samples, folder: Path, kinds: list[Input], results) -> None:
    for number in numbers:
        results.put(number)
        results.put(run_case(number, samples, folder, kinds))
    results.put(None)


def run_cases(numbers: range, samples, folder: Path, kinds: list[Input]):
    """Yield the cases; each chunk runs in a child process."""
    fork = multiprocessing.get_context("fork")
    left = numbers
    while left:
        chunk, results = left[:CHUNK], fork.Queue()
        child = fork.Process(target=_work, args=(chunk, samples, folder, kinds, results))
        child.start()
        running = chunk[0]
        while True:
            try:
                got = results.get(timeout=1)  # a child that aborts never ends its results
            except Exception:  # the queue is empty
                if child.is_alive():
                    continue
                yield Case(running, "?", "?", "?", "aborted", f"exit code {child.exitcode}")
                break
            if got is None:
                break
            if isinstance(got, int):
                running = got
            else:
                yield got
        child.join()
        left = left[len(chunk) if got is None else running - left[0] + 1 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=[one.kind for one in INPUTS])
    arguments = parser.parse_args()
    kinds = [one for one in INPUTS if not arguments.kinds or one.kind in arguments.kinds]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SCRATCHGPT_CACHE"] = f"{folder}/cache"
        samples = quiet_samples(Path(folder) / "samples")
        counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        began = time.perf_counter()
        numbers = range(arguments.seed, arguments.seed + arguments.cases)
        for case in run_cases(numbers, samples, Path(folder) / "case", kinds):
            counts[case.kind][case.outcome] += 1
            if case.outcome not in GOOD:
                print(f"case {case.number}: {case.outcome}: {case.command}")
                print(f"  {case.damage}\n  " + case.detail.strip().replace("\n", "\n  "))
    columns = sorted({outcome for counter in counts.values() for outcome in counter})
    print(f"\n{'kind':24}" + "".join(f"{name:>12}" for name in columns))
    for kind, counter in sorted(counts.items()):
        print(f"{kind:24}" + "".join(f"{counter[name]:12}" for name in columns))
    total = sum(sum(counter.values()) for counter in counts.values())
    print(f"{total} cases in {time.perf_counter() - began:.0f} s")
    bad = sum(counter[name] for counter in counts.values() for name in columns if name not in GOOD)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
