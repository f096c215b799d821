"""Kill commands at random moments: the same command goes on, and ends as if it had not been killed.

    python tests/fuzz/kills.py [--kills 200] [--seed 0] [--verbs train prepare]

After each SIGKILL, the command runs again (train with --resume if there is a checkpoint). Its files
must be those of a command that was not killed, and nothing else may be left in the folder.
"""

import argparse
import collections
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fuzz import quiet_samples

TRAIN = (
    "train {text} --n-layer 1 --n-head 1 --n-embd 4 --block-size 8 --batch-size 1 --steps 12 "
    "--eval-interval 3 --checkpoint-interval 1 --average 3 --out {out}"
)
VERBS = {
    "train": TRAIN,
    "prepare": "data prepare {long} --tokenizer bpe:300 --out {out}",
    "quantize": "quantize {model} --out {out}",
    "export": "export {model} --out {out}",
    "import": "import {huggingface} --out {out}",
    "tokenizer": "tokenizer train {long} --vocab-size 300 --out {out}",
    "kernels": "",
}
COMPILE = "import numpy as np; from scratchgpt.ops import relu_forward; relu_forward(np.ones(3))"
KEPT = (".lock", "metrics.jsonl", "loss.png", "training_state.json", "config.toml")


def command(verb: str, places: dict[str, Path], *, resume: bool = False) -> list[str]:
    """Return the command line of a verb; ``resume`` continues a run of train."""
    if verb == "kernels":
        return [sys.executable, "-c", COMPILE]
    words = [word.format(**places) for word in VERBS[verb].split()]
    more = ["--resume"] if resume else []
    return [sys.executable, "-m", "scratchgpt", *words, *more]


def environment(verb: str, folder: Path) -> dict[str, str]:
    """Return the environment; the kernels are compiled into the folder that is compared."""
    more = {"NUMBA_CACHE_DIR": str(folder / "kernels")} if verb == "kernels" else {}
    return {**os.environ, **more}


def content(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder, but those that contain times."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.name not in KEPT else b""
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def compare(verb: str, folder: Path, expected: dict[str, bytes]) -> str:
    """Say how the content of the folder differs; empty if it does not."""
    found = content(folder)
    if verb == "kernels":  # the pickled code may differ in the order of its parts
        found, expected = (dict.fromkeys(files, b"") for files in (found, expected))
    names = sorted(found.keys() ^ expected.keys())
    names += [n for n in sorted(found.keys() & expected.keys()) if found[n] != expected[n]]
    return ", ".join(names[:5])


def kill_once(verb: str, places: dict[str, Path], seconds: float, expected) -> str:
    """Kill a command after some seconds and run it again; return what is wrong, or ""."""
    folder = places["out"].parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    options = {"env": environment(verb, folder), **streams}
    with subprocess.Popen(command(verb, places), **options) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        finished = process.poll() == 0
        process.kill()
    if finished and verb != "kernels":  # it was complete before it was killed
        return compare(verb, folder, expected)
    resume = verb == "train" and any((places["out"]).glob("last*"))
    again = subprocess.run(command(verb, places, resume=resume), **options, text=True)
    if again.returncode:
        done_already = compare(verb, folder, expected) == ""  # killed after its last file
        return "" if done_already else f"refused: {again.stderr.strip().splitlines()[-1]}"
    return compare(verb, folder, expected)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbs", nargs="+", choices=VERBS, default=list(VERBS))
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    counts, bad = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as root:
        os.environ["SCRATCHGPT_CACHE"] = f"{root}/cache"
        places = quiet_samples(Path(root) / "samples")
        places["long"] = Path(root) / "long.txt"
        places["long"].write_text("".join(f"line {i * i} of the text\n" for i in range(20_000)))
        places["out"] = Path(root) / "case" / "out"
        folder = places["out"].parent
        expected, seconds = {}, {}
        for verb in arguments.verbs:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            began = time.perf_counter()
            subprocess.run(
                command(verb, places),
                check=True,
                env=environment(verb, folder),
                capture_output=True,
            )
            seconds[verb] = time.perf_counter() - began
            expected[verb] = content(folder)
        for i in range(arguments.kills):
            verb = arguments.verbs[i % len(arguments.verbs)]
            # Most files are written near the end.
            when = seconds[verb] * (1 - chance.random() ** 2 * 0.9)
            wrong = kill_once(verb, places, when, expected[verb])
            counts[verb] += 1
            if wrong:
                bad += 1
                print(f"kill {i}: {verb} after {when:.2f} of {seconds[verb]:.2f} s: {wrong}")
    for verb, n in counts.items():
        print(f"{verb:12}{n:6} kills")
    print(f"{bad} of {sum(counts.values())} went wrong")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
